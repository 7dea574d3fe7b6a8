/**
 * Sends frames from a workload as they are, past its kernel's own ideas of what it may say: by a packet socket, for which Node
 * has no module. Perl is on every Debian machine.
 */
import type { Workload } from './workload.js';

/** Reads frames from its input, one a line in hexadecimal, and sends them from the device that its argument names. */
const program = `
  socket(my $out, 17, 3, 0) or die "no packet socket: $!";
  my $request = pack("a16 x16", $ARGV[0]);
  ioctl($out, 0x8933, $request) or die "no device $ARGV[0]: $!";
  my $to = pack("S n l S C C a8", 17, 0, unpack("x16 l", $request), 0, 0, 0, "");
  while (my $line = <STDIN>) {
    chomp $line;
    defined send($out, pack("H*", $line), 0, $to) or die "not sent: $!";
  }`;

/** Sends the frames in order; each is whole, from the Ethernet header on, in hexadecimal. */
export async function sendFrames(from: Workload, frames: readonly string[]): Promise<void> {
  await from.exec(['perl', '-e', program, from.record.device], { input: `${frames.join('\n')}\n` });
}
