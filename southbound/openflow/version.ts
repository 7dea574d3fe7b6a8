/** Wire numbers of the protocol versions that are spoken. */
export const Version = { openflow13: 4, openflow14: 5, openflow15: 6 } as const;
export type Version = (typeof Version)[keyof typeof Version];

export function isVersion(number: number): number is Version {
  return number >= Version.openflow13 && number <= Version.openflow15;
}
