import { html, type Section } from '../markup.ts';
import { methodsDraft } from '../methods.ts';
import type { ReportData } from '../report-data.ts';

/** A draft to be copied, edited and put into a paper. */
export function methodsSection(data: ReportData): Section | undefined {
  const draft = methodsDraft(data);
  if (draft === undefined) return undefined;
  const body = html`<p>Composed from what this report knows, to be edited. Square brackets mark what is not known or must be
added by hand.</p>
<pre class="draft">${draft}</pre>`;
  return { id: 'methods', title: 'Draft of a methods section', body };
}
