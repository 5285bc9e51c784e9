/** Where the Workload API listens (SPIFFE_Workload_Endpoint §4). */

import { isIP } from 'node:net';
import { excerpt } from '../id.ts';
import { ok, type Result, refused } from '../result.ts';

const unixPattern = /^unix:(?:\/\/)?(\/(?!\/)[^?#]*)$/;
const tcpPattern = /^tcp:\/\/(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/;

/**
 * A gRPC target from `unix:///path/to/socket` (or `unix:/path`) or `tcp://<IP>:<port>`. Nothing else may be in the address:
 * no host before a path, no path after a port, no query. Code: WorkloadApiAddressInvalid.
 */
export function parseWorkloadApiAddress(address: string): Result<string> {
  const path = unixPattern.exec(address)?.[1];
  if (path !== undefined) return ok(`unix://${path}`);
  const [, v6 = '', v4 = '', port = ''] = tcpPattern.exec(address) ?? [];
  if (Number(port) > 0 && Number(port) < 65536) {
    if (isIP(v4) === 4) return ok(`ipv4:${v4}:${port}`);
    if (isIP(v6) === 6) return ok(`ipv6:[${v6}]:${port}`);
  }
  return refused(
    'WorkloadApiAddressInvalid',
    `${excerpt(address)} is no Workload API address: use unix:///path/to/socket or tcp://<IP address>:<port>`,
  );
}
