export { type Composition, exactCounts, randomAlloy } from './alloys.ts';
export {
  combined,
  permuted,
  rattled,
  rotated,
  rotationMatrix,
  strained,
  supercell,
  translated,
  vacancy,
} from './builders.ts';
export {
  cellHeights,
  cellVolume,
  completedCell,
  inverseCell,
  periodicCell,
  toCartesian,
  toFractional,
} from './cell.ts';
export { crystal, type Prototype } from './crystals.ts';
export { determinant3, inverse3, multiply3 } from './matrix3.ts';
export { buildNeighbourList, isStale, type NeighbourList, neighboursFor, sitePositions } from './neighbours.ts';
export {
  type AtomPair,
  substituted,
  uniquePairs,
  type Void,
  voidsOf,
  withAtom,
  withoutAtoms,
} from './point-defects.ts';
export { type StrainComponent, strainTensor, uniqueStrains, VOIGT_COMPONENTS } from './strains.ts';
export { checkStructure, copyStructure, createStructure, massesOf, type Structure } from './structure.ts';
export {
  isEquivalent,
  layerSpacing,
  type Miller,
  millerIn,
  reducedMiller,
  type SlabOptions,
  slab,
  type Termination,
  terminationsOf,
  uniquePlanes,
} from './surfaces.ts';
export {
  type CrystalSymmetry,
  knownSymmetry,
  loadSymmetry,
  type SymmetryFinder,
  type SymmetryOperation,
} from './symmetry.ts';
