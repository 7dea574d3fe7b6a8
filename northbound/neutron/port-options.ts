/** Extra DHCP options of ports: rows of a noun of their own. */
import type { DhcpOption } from '../../src/model/index.js';
import type { Act, Subject } from './act.js';
import { integer, list, members, nullable, text } from './forms.js';
import { namedId } from './named-id.js';
import type { Scene } from './scene.js';

interface AskedOption {
  readonly opt_name: string;
  readonly opt_value?: string | null | undefined;
  readonly ip_version?: number | undefined;
}

export const dhcpOptionsForm = list(
  members({ opt_name: text(64), opt_value: nullable(text(1_024)), ip_version: integer(4, 6) }, ['opt_name']),
  64,
);

const versionOf = ({ protocol }: DhcpOption): 4 | 6 => (protocol === 'dhcpv4' ? 4 : 6);

export function dhcpOptionsOf(scene: Scene, portId: string): readonly unknown[] {
  return scene.view
    .by('dhcp-options', 'logicalSwitchPortId', portId)
    .map(row => ({ opt_name: row.option, opt_value: row.value, ip_version: versionOf(row) }));
}

/** Sets the options that are named; one without a value goes. */
export async function setDhcpOptions(
  act: Act,
  { id, projectId }: Pick<Subject, 'id' | 'projectId'>,
  asked: unknown,
): Promise<void> {
  const there = act.scene.view.by('dhcp-options', 'logicalSwitchPortId', id);
  for (const { opt_name: option, opt_value: value = null, ip_version: version = 4 } of (asked ??
    []) as readonly AskedOption[]) {
    const current = there.find(row => row.option === option && versionOf(row) === version);
    if (value === null) {
      if (current !== undefined) await act.tx.delete('dhcp-options', current.id);
    } else if (current !== undefined) await act.tx.merge('dhcp-options', current.id, { value });
    else
      await act.tx.create('dhcp-options', {
        id: namedId('dhcp option', id, String(version), option),
        project_id: projectId,
        logical_switch_port_id: id,
        protocol: version === 4 ? 'dhcpv4' : 'dhcpv6',
        option,
        value,
      });
  }
}
