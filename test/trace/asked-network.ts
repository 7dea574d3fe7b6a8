/** Asking for dry verdicts in networks that a builder has made, as REST does. */
import type { Fragment } from '../../src/compiler/fragment.js';
import { CompiledTables } from '../../src/delivery/compiled-tables.js';
import { encodeFragment } from '../../src/delivery/encoded-fragment.js';
import { verdictQuestion } from '../../northbound/rest/verdict-question.js';
import { NetworkState } from '../../northbound/rest/network-state.js';
import { Sight } from '../../northbound/rest/sight.js';
import { Tracer } from '../../src/trace/tracer.js';
import { type Verdict, verdictOf } from '../../src/trace/verdict.js';
import type { Question } from '../../src/trace/question.js';
import { ManualClock } from '../fakes/manual-clock.js';
import type { CompiledNetwork } from '../compiler/compiled-network.js';
import type { NetworkBuilder } from '../compiler/network-builder.js';

const operator = {
  name: 'admin',
  subject: 'admin',
  role: 'admin',
  projectId: null,
  scopes: [],
  expiresAtMs: null,
} as const;

export class AskedNetwork {
  readonly network: CompiledNetwork;
  readonly tracer: Tracer;
  readonly state: NetworkState;
  readonly #tables = new Map<string, CompiledTables>();

  constructor(builder: NetworkBuilder) {
    this.network = builder.compile();
    const { view } = this.network;
    this.tracer = new Tracer({ view, tablesOf: hypervisorId => this.#tablesOf(hypervisorId) });
    this.state = new NetworkState(view, {} as never, new ManualClock(), 1500);
  }

  question(from: string, query: Readonly<Record<string, string>>): Question {
    return verdictQuestion(this.state, from, query, new Sight(this.network.view, operator));
  }

  ask(from: string, query: Readonly<Record<string, string>>): Verdict {
    return this.verdict(this.question(from, query));
  }

  verdict(question: Question): Verdict {
    return verdictOf(this.network.view, this.tracer, question);
  }

  /** The same in few words: outcome, reason, and who decided for which port. */
  brief(from: string, query: Readonly<Record<string, string>>): string {
    const { outcome, reason, ports } = this.ask(from, query);
    const deciders = ports.map(
      ({ portId, direction, decidedBy, rule }) => `${direction} of ${portId}: ${rule?.id ?? decidedBy}`,
    );
    return [`${outcome} (${reason})`, ...deciders].join('; ');
  }

  #tablesOf(hypervisorId: string): CompiledTables {
    let tables = this.#tables.get(hypervisorId);
    if (tables === undefined) {
      const encoded = (fragment: Fragment) => ({ fragment: encodeFragment(fragment, null) });
      tables = new CompiledTables(this.network.fragmentsOf(hypervisorId).map(encoded));
      this.#tables.set(hypervisorId, tables);
    }
    return tables;
  }
}
