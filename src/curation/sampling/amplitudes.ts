/** How far atoms stray from their places at a temperature, in the two oldest models of a solid. */
import { EV_PER_U, HBAR, KB } from '../../units.ts';

/**
 * ⟨u_x²⟩ of an atom in an Einstein solid, Å²: (ħ²/(2 m k Θ)) coth(Θ/2T); zero-point motion included.
 * @param mass u @param temperature K @param einstein Einstein temperature Θ, K
 * @see Einstein 1907, doi:10.1002/andp.19063270110
 */
export function einsteinDisplacement(mass: number, temperature: number, einstein: number): number {
  const half = einstein / (2 * temperature);
  // coth → 1 for T → 0.
  return (quantum(mass, einstein) / 2) * (temperature === 0 ? 1 : 1 / Math.tanh(half));
}

/**
 * ⟨u_x²⟩ of an atom in a Debye solid, Å²: (3ħ²/(m k Θ)) [1/4 + (T/Θ)² ∫₀^{Θ/T} x/(eˣ − 1) dx]; the exponent of the
 * Debye–Waller factor is −½ q² ⟨u_x²⟩.
 * @param mass u @param temperature K @param debye Debye temperature Θ, K
 * @see Debye 1913, doi:10.1002/andp.19133480105; Waller 1923, doi:10.1007/BF01328696
 */
export function debyeDisplacement(mass: number, temperature: number, debye: number): number {
  const t = temperature / debye;
  const thermal = temperature === 0 ? 0 : t * t * debyeIntegral(1 / t);
  return 3 * quantum(mass, debye) * (0.25 + thermal);
}

/** ħ²/(m k Θ), Å². */
function quantum(mass: number, theta: number): number {
  return (HBAR * HBAR * EV_PER_U) / (mass * KB * theta);
}

/** ∫₀ᵘ x/(eˣ − 1) dx by Simpson's rule; beyond x = 60 there is nothing left. */
function debyeIntegral(upper: number): number {
  const u = Math.min(upper, 60);
  const intervals = 2000;
  const h = u / intervals;
  let sum = 0;
  for (let k = 0; k <= intervals; k++) {
    const weight = k === 0 || k === intervals ? 1 : k % 2 === 1 ? 4 : 2;
    const x = k * h;
    sum += weight * (x === 0 ? 1 : x / Math.expm1(x));
  }
  return (sum * h) / 3;
}
