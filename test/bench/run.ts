/** `make bench`: the figures that README quotes, measured on this machine in CPU time of one thread. */
import { printVerification } from './verify.ts';

printVerification();
