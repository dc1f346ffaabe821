import type { Attack } from '../../core/alert.js';
import { present } from '../../kit/present.js';
import { field, list, text } from '../../kit/read.js';

const maxAttacks = 50;

/** `mitre_classification`: tactics and techniques of MITRE ATT&CK, by id or by name. */
export function attacksOf(classification: unknown): readonly Attack[] | undefined {
  const attacks = list(classification)
    .slice(0, maxAttacks)
    .map((entry) => attackOf(field(entry, 'tactic'), field(entry, 'sub_technique') ?? field(entry, 'technique')))
    .filter((attack) => attack !== undefined);
  return attacks.length > 0 ? attacks : undefined;
}

/** One tactic and technique, each an id (`TA0043`, `T1595.002`) or a name. */
export function attackOf(tactic: unknown, technique: unknown): Attack | undefined {
  const [tacticWord, techniqueWord] = [text(tactic), text(technique)];
  if (tacticWord === undefined && techniqueWord === undefined) return undefined;
  return present({
    ...(/^TA\d{4}$/i.test(tacticWord ?? '') ? { tacticId: tacticWord?.toUpperCase() } : { tactic: tacticWord }),
    ...(/^T\d{4}(\.\d{3})?$/i.test(techniqueWord ?? '')
      ? { techniqueId: techniqueWord?.toUpperCase() }
      : { technique: techniqueWord }),
  });
}
