/**
 * When a switch is compared as a whole: each at its own time of the interval, so that a fleet which came back all at once is not
 * audited all at once, and the work a second is the same at all times.
 */

/** Clock.nowMs() of the next audit: once an interval, at the hypervisor's own time, but not within half an interval from now. */
export function nextAuditAtMs(hypervisorId: string, nowMs: number, intervalMs: number): number {
  const ownMs = placeOf(hypervisorId) * intervalMs;
  const earliestMs = nowMs + intervalMs / 2;
  return Math.ceil((earliestMs - ownMs) / intervalMs) * intervalMs + ownMs;
}

/** The hypervisor's place in every interval, from 0 to 1: FNV-1a of its id, mixed so that neighbouring ids are far apart. */
function placeOf(hypervisorId: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < hypervisorId.length; at += 1) {
    hash = Math.imul(hash ^ hypervisorId.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
