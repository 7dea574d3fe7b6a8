/** Errors as CNI has them: a code that the runtime acts on, and words for people. Codes below 100 are the specification's own. */

export const cniErrorCodes = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  inputOutput: 5,
  undecodable: 6,
  invalidConfiguration: 7,
  tryAgainLater: 11,
  /** STATUS: nothing can be added; what is there goes on. */
  notAvailable: 50,
  /** STATUS: nothing can be added, and what is there may have lost its network. */
  limitedConnectivity: 51,
  /** The container has an interface of that name. */
  interfaceExists: 100,
  /** Weft refuses what is asked for: `details` has its code and its help. */
  refused: 101,
  /** A command on this host failed. */
  commandFailed: 102,
  /** CHECK: something is not as ADD left it. */
  notAsExpected: 103,
} as const;

export type CniErrorName = keyof typeof cniErrorCodes;

export class CniError extends Error {
  override readonly name = 'CniError';
  readonly code: number;

  constructor(
    readonly kind: CniErrorName,
    message: string,
    readonly details = '',
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = cniErrorCodes[kind];
  }
}
