/** Every format but extended XYZ, which has a room of its own. */
import { CIF } from './cif/cif.ts';
import { CP2K } from './cp2k/cp2k.ts';
import { DEEPMD } from './deepmd/deepmd.ts';
import type { Format } from './format.ts';
import { LAMMPS_DATA } from './lammps/data.ts';
import { LAMMPS_DUMP } from './lammps/dump.ts';
import { N2P2 } from './n2p2.ts';
import { NEP } from './nep.ts';
import { ORCA } from './orca.ts';
import { QE_TEXT } from './qe/text.ts';
import { QE_XML } from './qe/xml.ts';
import { VASP_OUTCAR } from './vasp/outcar.ts';
import { POSCAR } from './vasp/poscar.ts';
import { VASP_XML } from './vasp/vasprun.ts';
import { ENGRAD, TURBOMOLE_GRADIENT } from './xtb.ts';

export const FORMATS: readonly Format[] = [
  CIF,
  POSCAR,
  VASP_OUTCAR,
  VASP_XML,
  DEEPMD,
  QE_TEXT,
  QE_XML,
  N2P2,
  NEP,
  ORCA,
  ENGRAD,
  TURBOMOLE_GRADIENT,
  LAMMPS_DATA,
  LAMMPS_DUMP,
  CP2K,
];
