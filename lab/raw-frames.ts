/**
 * Sends frames from a workload as they are, past its kernel's own ideas of what it may say: by a packet socket, for which Node
 * has no module. Perl is on every Debian machine.
 */
import type { OutsideHost } from './physical-network.js';
import type { Workload } from './workload.js';

/** Reads frames from its input, one a line in hexadecimal, and sends them from the device that its first argument names; the second is the pause in milliseconds after each ten. */
const program = `
  socket(my $out, 17, 3, 0) or die "no packet socket: $!";
  my $request = pack("a16 x16", $ARGV[0]);
  ioctl($out, 0x8933, $request) or die "no device $ARGV[0]: $!";
  my $to = pack("S n l S C C a8", 17, 0, unpack("x16 l", $request), 0, 0, 0, "");
  while (my $line = <STDIN>) {
    chomp $line;
    defined send($out, pack("H*", $line), 0, $to) or die "not sent: $!";
    select(undef, undef, undef, $ARGV[1] / 1000) if $ARGV[1] && $. % 10 == 0;
  }`;

/** A workload, or a host outside. */
type Sender = Pick<Workload, 'exec' | 'record'> | Pick<OutsideHost, 'exec' | 'record'>;

export interface SendOptions {
  /** At most some 2000 a second, so that a queue on the way is not filled at once. Default: as fast as they go. */
  readonly isPaced?: boolean;
}

/** Sends the frames in order; each is whole, from the Ethernet header on, in hexadecimal. */
export async function sendFrames(from: Sender, frames: readonly string[], options: SendOptions = {}): Promise<void> {
  const pauseMs = options.isPaced === true ? '5' : '0';
  await from.exec(['perl', '-e', program, from.record.device, pauseMs], { input: `${frames.join('\n')}\n` });
}
