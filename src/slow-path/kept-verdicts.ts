/**
 * The latest lines of each group in memory: so many of a group, of a project, and of all, so no project's lines are forgotten because
 * another has many.
 */
export interface KeptLimits {
  /** Lines. */
  readonly group: number;
  readonly project: number;
  readonly all: number;
}

interface Project<T> {
  size: number;
  /** Oldest lines first; groups in the order of their latest lines. */
  readonly groups: Map<string, T[]>;
}

/** Who has more than an equal part gives up lines until so much of all is left: not for every line that comes. */
const leftWhenFull = 0.9;

export class KeptVerdicts<T> {
  readonly #limits: KeptLimits;
  /** In the order of their latest lines. */
  readonly #projects = new Map<string, Project<T>>();
  #size = 0;

  constructor(limits: KeptLimits) {
    this.#limits = limits;
  }

  /** Lines. */
  get size(): number {
    return this.#size;
  }

  keep(projectId: string, groupId: string, line: T): void {
    const project = this.#projects.get(projectId) ?? { size: 0, groups: new Map<string, T[]>() };
    this.#projects.delete(projectId);
    this.#projects.set(projectId, project);
    const lines = project.groups.get(groupId) ?? [];
    project.groups.delete(groupId);
    project.groups.set(groupId, lines);
    lines.push(line);
    project.size += 1;
    this.#size += 1;
    if (lines.length > this.#limits.group) this.#forget(project, groupId);
    if (project.size > this.#limits.project) this.#forget(project);
    if (this.#size > this.#limits.all) this.#makeRoom();
  }

  /** The newest first. */
  latest(projectId: string, groupId: string): readonly T[] {
    return this.#projects.get(projectId)?.groups.get(groupId)?.toReversed() ?? [];
  }

  /** The oldest line of a group; of the group that has had none for longest where none is named. */
  #forget(project: Project<T>, groupId: string | undefined = project.groups.keys().next().value): void {
    const lines = groupId === undefined ? undefined : project.groups.get(groupId);
    if (groupId === undefined || lines === undefined) return;
    lines.shift();
    project.size -= 1;
    this.#size -= 1;
    if (lines.length === 0) project.groups.delete(groupId);
  }

  #makeRoom(): void {
    const left = Math.floor(leftWhenFull * this.#limits.all);
    const share = Math.max(1, Math.floor(left / this.#projects.size));
    for (const project of this.#projects.values()) while (project.size > share) this.#forget(project);
    for (const [id, { size }] of this.#projects) {
      if (this.#size <= left) break;
      this.#projects.delete(id);
      this.#size -= size;
    }
  }
}
