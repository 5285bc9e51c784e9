import { enforcementLabel } from '../api/labels.ts';

export type EnforcementMode = 'off' | 'audit' | 'enforce';

export const enforcementModes = ['off', 'audit', 'enforce'] as const satisfies readonly EnforcementMode[];

/** The namespace's label decides where it names a mode; else the flag. */
export function modeFor(namespaceLabels: Readonly<Record<string, string>>, flag: EnforcementMode): EnforcementMode {
  const label = namespaceLabels[enforcementLabel];
  return enforcementModes.find((mode) => mode === label) ?? flag;
}
