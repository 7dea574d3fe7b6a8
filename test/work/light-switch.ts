/** A switch that takes everything and holds nothing, so that a hypervisor costs nothing but what delivery does for it. */
import type { RoleReply, Switch } from '../../src/delivery/switch.js';

export class LightSwitch implements Switch {
  write(): boolean {
    return true;
  }
  drained(): Promise<void> {
    return Promise.resolve();
  }
  cork(): void {}
  uncork(): void {}
  barrier(): Promise<void> {
    return Promise.resolve();
  }
  commitBundle(): Promise<null> {
    return Promise.resolve(null);
  }
  discardBundle(): Promise<void> {
    return Promise.resolve();
  }
  claimRole(): Promise<RoleReply> {
    return Promise.resolve({ kind: 'granted' });
  }
  matchFragments(): void {}
  readFlows(): Promise<void> {
    return Promise.resolve();
  }
  dumpFlows(): Promise<void> {
    return Promise.resolve();
  }
  readGroups(): Promise<readonly []> {
    return Promise.resolve([]);
  }
  readMeters(): Promise<readonly []> {
    return Promise.resolve([]);
  }
  readMeterCounts(): Promise<readonly []> {
    return Promise.resolve([]);
  }
  watch(): void {}
  unwatch(): void {}
  onError(): () => void {
    return () => {};
  }
  onClose(): void {}
  close(): void {}
}
