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
export { checkStructure, copyStructure, createStructure, massesOf, type Structure } from './structure.ts';
