export {
  type ElasticConstants,
  type ElasticModuli,
  type ElasticOptions,
  elasticConstants,
  elasticModuli,
} from './elastic.ts';
export {
  type BirchMurnaghan,
  birchMurnaghanEnergy,
  type EnergyVolumePoint,
  type EquationOfState,
  type EquationOfStateOptions,
  equationOfState,
  fitBirchMurnaghan,
} from './equation-of-state.ts';
export type { PropertyStep, ResponseOptions } from './strain.ts';
export {
  type StressStrainLine,
  type StressStrainOptions,
  type StressStrainPoint,
  stressStrain,
} from './stress-strain.ts';
export { type VacancyEnergy, type VacancyOptions, vacancyEnergy } from './vacancy.ts';
