import { type Content, type Html, html, join, type Section } from './markup.ts';
import { STYLE } from './style.ts';

/** What stands around the sections of a page. */
export interface PageFrame {
  readonly title: string;
  readonly header: Html;
  readonly footer: Content;
}

/**
 * A page as one HTML file: no script, no font, no picture and no style from elsewhere; for the screen, light or dark,
 * and for A4 paper.
 */
export function renderPage({ title, header, footer }: PageFrame, sections: readonly Section[]): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
${header}
<main>
${join(sections.map(drawSection))}
</main>
<footer>${footer}</footer>
</body>
</html>
`;
  return page.html;
}

function drawSection(section: Section, index: number): Html {
  return html`<section aria-labelledby="${section.id}">
<h2 id="${section.id}"><span class="number">${index + 1}</span>${section.title}</h2>
${section.body}
</section>`;
}
