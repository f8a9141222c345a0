import { type Grade, type GradeReason, type Letter, MEANINGS } from '../grade.ts';
import { type Html, html, type Numbering, type Section, table } from '../markup.ts';

/** Every question that the grade rests on, what was found, and the best grade that this leaves. */
export function gradeSection(
  grade: Grade | undefined,
  shown: ReadonlySet<string>,
  numbering: Numbering,
): Section | undefined {
  if (grade === undefined) return undefined;
  const question = ({ question: text, section }: GradeReason): Html =>
    shown.has(section) ? html`<a href="#${section}">${text}</a>` : html`${text}`;
  const caption = html`Why it is ${letterMark(grade.letter)}: the grade is the worst of what the answers allow.`;
  const body = table(numbering, caption, grade.reasons, [
    { header: 'Question', long: true, cell: question },
    { header: 'Answer', long: true, cell: ({ finding }) => `${finding[0].toUpperCase()}${finding.slice(1)}` },
    { header: 'Allows', cell: ({ allows }) => letterMark(allows) },
  ]);
  const scale = Object.entries(MEANINGS).map(([letter, meaning]) => `${letter}: ${meaning}`);
  return { id: 'grade', title: 'Grade', body: html`${body}<p class="under left">${scale.join(' · ')}.</p>` };
}

/** A letter in the colour of what it means. */
export function letterMark(letter: Letter): Html {
  const tone = letter <= 'B' ? 'pass' : letter === 'C' ? 'warning' : 'fail';
  return html`<span class="mark ${tone}">${letter}</span>`;
}
