import { mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cardLimits } from '@agentcard-operator/agentcard';
import { ok, type Result, refused } from '@agentcard-operator/spiffe/x509';

/** Code: `CardUnreadable`. */
export async function readCardFile(path: string): Promise<Result<Uint8Array>> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > cardLimits.maxBytes) {
      return refused('CardUnreadable', `${path} is larger than ${cardLimits.maxBytes} bytes, which no verifier takes`);
    }
    return ok(await file.readFile());
  } catch (error) {
    return refused('CardUnreadable', `cannot read the unsigned card ${path}: ${advice(error, reading)}`);
  }
}

/**
 * Puts a text in place of a file at once, so that a reader sees the old file or the new one and never a part. `confirm` gets
 * the bytes back as they were read from the disk, before anyone else can see them; what it refuses is thrown away.
 * Code of its own: `TargetNotWritable`.
 */
export async function replaceFile<T>(
  path: string,
  text: string,
  confirm: (bytes: Uint8Array) => Promise<Result<T>>,
): Promise<Result<T>> {
  const scratch = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    await mkdir(dirname(path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await rm(scratch, { force: true });
    const confirmed = await confirm(await writeAndRead(scratch, text));
    if (confirmed.ok) await rename(scratch, path);
    return confirmed;
  } catch (error) {
    const folder = dirname(path);
    return refused('TargetNotWritable', `cannot write the signed card ${path}: ${advice(error, writing(folder))}`);
  } finally {
    await rm(scratch, { force: true }).catch(() => undefined);
  }
}

async function writeAndRead(path: string, text: string): Promise<Uint8Array> {
  // A new file always: the folder is shared, and a link that waits there must not lead us elsewhere.
  await using file = await open(path, 'wx+');
  await file.writeFile(text);
  // The agent runs as somebody else.
  await file.chmod(0o644);
  await file.sync();
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(Buffer.byteLength(text) + 1), position: 0 });
  return buffer.subarray(0, bytesRead);
}

type Advice = Readonly<Record<string, string>>;

const reading: Advice = {
  ENOENT: 'there is no such file; mount the card there, or set UNSIGNED_CARD_PATH',
  EACCES: 'permission denied; let the user of this container read it',
  EISDIR: 'it is a folder; name the file in it',
};

function writing(folder: string): Advice {
  const owner = `the user of this container may not write to ${folder}; set securityContext.fsGroup of the pod`;
  return {
    EROFS: `the file system is read-only; mount a volume that is shared with the agent, such as an emptyDir, at ${folder}`,
    EACCES: owner,
    EPERM: owner,
    ENOENT: `there is no folder ${folder}, and none to make it in; mount a volume that is shared with the agent there`,
    EBUSY: `the file is a mount of its own; mount ${folder} instead, without subPath`,
    ENOTDIR: `a part of ${folder} is a file`,
    EISDIR: 'there is a folder of this name; set AGENT_CARD_PATH to a file',
    ENOSPC: 'the volume is full',
  };
}

function advice(error: unknown, known: Advice): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  return known[code] ?? code;
}
