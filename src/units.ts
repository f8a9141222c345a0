/**
 * Physical constants and the few conversions that borders need; CODATA 2018 (doi:10.1103/RevModPhys.93.025010).
 * Inside nearsight: Å, eV, eV/Å, eV/Å³, fs, K, u, e. Nothing is converted anywhere but at a border.
 */

/** Boltzmann constant, eV/K (exact since 2019). */
export const KB = 8.617333262145179e-5;
/** Reduced Planck constant, eV·fs (exact since 2019). */
export const HBAR = 0.6582119569509067;
/** Elementary charge, C (exact). */
export const ELEMENTARY_CHARGE = 1.602176634e-19;
/** Atomic mass constant, kg. */
export const ATOMIC_MASS = 1.6605390666e-27;
/** Hartree energy, eV. */
export const HARTREE = 27.211386245988;
/** Bohr radius, Å. */
export const BOHR = 0.529177210903;
/** kcal/mol in eV (thermochemical calorie). */
export const KCAL_PER_MOL = 0.0433641153087705;
/** 1 GPa in eV/Å³. */
export const GPA: number = 6.241509074460763e-3;
/** 1 kbar in eV/Å³. */
export const KBAR: number = GPA / 10;
/** Coulomb constant e²/4πε₀, eV·Å. */
export const COULOMB = 14.399645478425668;
/** Acceleration of 1 u under 1 eV/Å, in Å/fs²; equally 1 eV expressed in u·Å²/fs². */
export const EV_PER_U: number = ELEMENTARY_CHARGE / ATOMIC_MASS / 1e10;
