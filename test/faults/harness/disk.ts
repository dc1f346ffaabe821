import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { command, linux, root, type Need } from './needs.js';

export const diskNeeds: readonly Need[] = [linux, root, command('mkfs.ext4', ['-V']), command('mount')];

/** A disk of its own for a journal: an ext4 file system in a file, mounted over a loop device. */
export class Disk {
  #isMounted = false;

  private constructor(
    /** What the disk holds: what a power cut now would leave of it. */
    readonly image: string,
    readonly folder: string,
  ) {}

  /** Makes and mounts one of so many megabytes in the folder. */
  static make(folder: string, name: string, megabytes: number): Disk {
    const disk = new Disk(join(folder, `${name}.img`), join(folder, name));
    execFileSync('dd', ['if=/dev/zero', `of=${disk.image}`, 'bs=1M', `count=${String(megabytes)}`, 'status=none']);
    execFileSync('mkfs.ext4', ['-qF', disk.image]);
    disk.mount();
    return disk;
  }

  /** What would be found after a power cut now: a copy of what has reached the disk, and nothing of what is in memory. */
  cut(folder: string, name: string): Disk {
    const after = new Disk(join(folder, `${name}.img`), join(folder, name));
    const second = `${after.image}.again`;
    // The kernel may write while it is copied: two copies that are the same are of one moment.
    do {
      copyFileSync(this.image, after.image);
      copyFileSync(this.image, second);
    } while (!isSame(after.image, second));
    after.mount();
    return after;
  }

  mount(...options: readonly string[]): void {
    mkdirSync(this.folder, { recursive: true });
    const all = ['loop', 'errors=remount-ro', ...options].join();
    execFileSync('mount', ['-o', all, this.image, this.folder]);
    this.#isMounted = true;
  }

  /** From now on every write to it fails. */
  abort(): void {
    execFileSync('mount', ['-o', 'remount,abort', this.folder]);
  }

  unmount(): void {
    if (this.#isMounted) execFileSync('umount', [this.folder]);
    this.#isMounted = false;
  }
}

function isSame(one: string, other: string): boolean {
  try {
    execFileSync('cmp', ['-s', one, other]);
    return true;
  } catch {
    return false;
  }
}
