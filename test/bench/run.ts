/** `make bench`: figures that README quotes, measured on this machine. */
import { measureVerification } from './verify.ts';

await measureVerification();
