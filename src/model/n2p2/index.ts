export { committeeOf } from './committee.ts';
export {
  type N2p2Files,
  type N2p2Potential,
  type N2p2Units,
  n2p2Elements,
  type ReadN2p2Options,
  readN2p2,
  weightsName,
} from './read.ts';
export { memberFolder, type WriteN2p2Options, writeN2p2 } from './write.ts';
