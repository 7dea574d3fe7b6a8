import { type Logger as PinoLogger, pino } from 'pino';
import { descriptorWriter, LogSink } from './log-sink.js';

/** The program's logger: structured, one JSON object a line, objects first and then a short constant message. */
export type Logger = PinoLogger;

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Makes the root logger, writing to standard error so that standard output stays free for results. */
export function createLogger(level: LogLevel): Logger {
  const sink = new LogSink(descriptorWriter(2));
  process.once('exit', () => sink.flushSync());
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, sink);
}

/** A logger that writes nothing; for tests and for tools that report in another way. */
export const silentLogger: Logger = pino({ level: 'silent' });
