/** The style sheet of the report. Colours are variables, so that the plots follow the page into the dark. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2126; --muted: #5a636c; --rule: #d4d8dc; --soft: #f4f5f6;
  --train: #7f96ac; --strong: #14507f; --pass: #1b6a3e; --fail: #a6241d; --warning: #80560a;
  --alkali: #b02a1c; --earth: #a05f00; --dmetal: #14507f; --fmetal: #77368f; --pblock: #1b6a3e; --nonmetal: #0b6f78;
  --serif: "Charter", "Bitstream Charter", "Source Serif 4", "Sitka Text", Cambria, Georgia, "Liberation Serif", serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --paper: #15181b; --ink: #e4e7ea; --muted: #a3abb3; --rule: #3a4147; --soft: #1d2125;
    --train: #56708a; --strong: #8fc3f0; --pass: #74c997; --fail: #ff9188; --warning: #e2b35c;
    --alkali: #ff9188; --earth: #e2b35c; --dmetal: #8fc3f0; --fmetal: #d7a6ea; --pblock: #74c997; --nonmetal: #63cfd8;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 3rem 1.5rem 4rem; max-width: 63rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 var(--serif); overflow-wrap: break-word;
}
h1, h2, h3 { line-height: 1.25; font-weight: 600; text-wrap: balance; }
h1 { font-size: 2rem; margin: 0.2rem 0 0.1rem; letter-spacing: -0.01em; }
h2 { font-size: 1.3rem; margin: 3.2rem 0 0.9rem; padding-top: 0.9rem; border-top: 1px solid var(--rule); }
h2 .number { color: var(--muted); font-weight: 400; margin-right: 0.5em; }
h3 { font-size: 1.02rem; margin: 1.8rem 0 0.4rem; }
p, li { max-width: 44rem; }
p { margin: 0 0 0.8rem; }
ul { margin: 0 0 0.8rem; padding-left: 1.2rem; }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: 0.2em; }
code, pre { font: 0.84em/1.5 var(--mono); overflow-wrap: anywhere; }
pre { background: var(--soft); padding: 0.8rem 1rem; margin: 0.5rem 0 1rem; white-space: pre-wrap; }
sup { font-size: 0.72em; line-height: 0; }
.kicker, .subtitle, nav { font-family: var(--sans); font-size: 0.84rem; color: var(--muted); margin: 0; }
.subtitle { font-size: 1rem; margin-bottom: 1.5rem; }
.verdict {
  max-width: none; text-wrap: balance; font-size: 1.25rem; line-height: 1.4; margin: 0 0 1.6rem; padding: 0.1rem 0 0.1rem 1rem;
  border-left: 4px solid var(--muted);
}
.grade { display: flex; gap: 1.1rem; align-items: center; margin: 0 0 1.4rem; font-family: var(--sans); break-inside: avoid; }
.grade p { margin: 0; max-width: 50rem; font-size: 1.05rem; line-height: 1.4; } .grade .detail { max-width: none; font-size: 0.92rem; margin-top: 0.2rem; }
.letter-big { flex: none; width: 4.6rem; height: 4.6rem; display: grid; place-items: center; font-size: 3rem; font-weight: 600; line-height: 1; border: 3px solid currentColor; border-radius: 0.6rem; }
.grade.pass .letter-big { color: var(--pass); } .grade.warning .letter-big { color: var(--warning); } .grade.fail .letter-big { color: var(--fail); }
.verdict.pass { border-color: var(--pass); }
.verdict.fail { border-color: var(--fail); }
.tiles {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr)); gap: 1px; margin: 0 0 1.2rem; padding: 1px 0;
  font-family: var(--sans); border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule);
}
.tile { padding: 0.9rem 1rem 0.9rem 0; break-inside: avoid; }
.tile dt { font-size: 0.8rem; color: var(--muted); }
.tile dd { margin: 0; }
.tile .figure { font-size: 1.9rem; line-height: 1.25; font-weight: 500; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile .unit { font-size: 0.9rem; font-weight: 400; color: var(--muted); margin-left: 0.3em; }
.tile .note { font-size: 0.78rem; line-height: 1.4; color: var(--muted); }
nav ol { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 0.2rem 1.3rem; }
.scroll { /* The last two layers are shadows that show only where there is more to scroll to. */
  overflow-x: auto; margin: 1.1rem 0 1.5rem; background-color: var(--paper);
  background-image: linear-gradient(to right, var(--paper) 50%, transparent), linear-gradient(to left, var(--paper) 50%, transparent),
    linear-gradient(to right, var(--rule), transparent), linear-gradient(to left, var(--rule), transparent);
  background-position: left, right, left, right; background-repeat: no-repeat; background-size: 2rem 100%, 2rem 100%, 0.8rem 100%, 0.8rem 100%;
  background-attachment: local, local, scroll, scroll;
}
table { border-collapse: collapse; font: 0.84rem/1.4 var(--sans); font-variant-numeric: tabular-nums; min-width: min(44rem, 100%); }
caption, figcaption { text-align: left; color: var(--ink); font: 0.86rem/1.45 var(--sans); max-width: 48rem; }
caption { padding-bottom: 0.5rem; }
.scroll caption { position: sticky; left: 0; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 1.1rem 0.3rem 0; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th {
  color: var(--muted); vertical-align: bottom; border-top: 1.5px solid var(--ink); border-bottom: 1px solid var(--ink);
}
tbody tr + tr > * { border-top: 1px solid var(--rule); }
.heading th { padding-top: 1rem; font-weight: 600; } thead + tbody .heading:first-child th { padding-top: 0.5rem; }
tbody tr:last-child > * { border-bottom: 1.5px solid var(--ink); }
.panel { position: relative; }
.letter { position: absolute; top: 0; left: 0; font: 0.8rem/1 var(--sans); color: var(--muted); }
.right { text-align: right; white-space: nowrap; }
.facts { min-width: 0; margin: 0.4rem 0 1.4rem; }
.facts th { color: var(--muted); white-space: nowrap; padding-right: 1.6rem; }
.facts td { overflow-wrap: anywhere; }
.facts tbody tr > *, .facts tbody tr:last-child > * { border: 0; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 0 2.5rem; }
.detail { display: block; color: var(--muted); font-size: 0.95em; max-width: 38rem; }
.mark { font-weight: 600; white-space: nowrap; }
.mark.pass { color: var(--pass); } .mark.fail, .mark.error { color: var(--fail); } .mark.warning { color: var(--warning); }
.mark.skipped, .mark.info { color: var(--muted); font-weight: 400; }
figure { margin: 1.2rem 0 1.8rem; break-inside: avoid; }
.panels { display: grid; gap: 0.4rem 1.4rem; margin-bottom: 0.4rem; }
.panels-3 { grid-template-columns: repeat(3, minmax(0, 1fr)); }
.panels-1 { grid-template-columns: minmax(0, 1fr); }
.panels-2 { grid-template-columns: repeat(2, minmax(0, 1fr)); }
svg.plot { display: block; width: 100%; height: auto; font-family: var(--sans); font-variant-numeric: tabular-nums; color: var(--ink); }
svg.plot text { white-space: pre; }
.swatch { white-space: nowrap; margin-right: 0.7em; } .under { font: 0.78rem/1.4 var(--sans); margin: 0.2rem 0 0.8rem; text-align: center; }
.key { display: inline-block; width: 1.2em; height: 0.2em; vertical-align: 0.25em; margin-right: 0.15em; background: var(--strong); }
.key.outside { background: var(--fail); } .left { text-align: left; color: var(--muted); max-width: none; }
.answers { list-style: none; padding: 0; font-family: var(--sans); font-size: 0.92rem; } .draft { max-height: 30rem; overflow-y: auto; user-select: all; }
.key.train { background: var(--train); }
.key.points { width: 0.6em; height: 0.6em; vertical-align: 0; background: none; border: 1.5px solid var(--ink); border-radius: 50%; }
footer { margin-top: 3rem; padding-top: 0.8rem; border-top: 1px solid var(--rule); font: 0.8rem/1.5 var(--sans); color: var(--muted); }
@media screen and (max-width: 48rem) {
  body { padding: 1.5rem 1rem 3rem; }
  h1 { font-size: 1.6rem; }
  .verdict { font-size: 1.1rem; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); }
  .tile .figure { font-size: 1.6rem; }
  .panels-2, .panels-3 { grid-template-columns: minmax(0, 1fr); gap: 0.8rem; }
  .panel { max-width: 26rem; }
  caption { max-width: calc(100vw - 2rem); }
  .facts th { white-space: normal; min-width: 7rem; padding-right: 1rem; }
  .long { min-width: 13rem; }
  tbody tr > th:first-child { min-width: 6.5rem; }
}
@page {
  size: A4; margin: 14mm 18mm 17mm;
  @bottom-right { content: counter(page) " / " counter(pages); font: 8pt sans-serif; color: #5a636c; }
}
@media print {
  body { padding: 0; max-width: none; font-size: 10pt; background: none; }
  nav { display: none; }
  a { text-decoration: none; }
  h1 { font-size: 18pt; } h2 { font-size: 12.5pt; margin: 1.3rem 0 0.5rem; padding-top: 0.6rem; } h3 { font-size: 10.5pt; margin: 0.8rem 0 0.2rem; } .verdict { font-size: 12pt; }
  h2, h3, caption { break-after: avoid; }
  h2 + *, h3 + * { break-before: avoid; }
  .scroll { overflow: visible; background: none; }
  table, caption, figcaption { font-size: 8pt; }
  .facts { break-inside: avoid; margin-bottom: 0.8rem; }
  .scroll { margin: 0.8rem 0 1rem; } figure { margin: 0.8rem 0 1rem; } .letter { font-size: 7.5pt; }
  .columns { grid-template-columns: 1fr 1fr; } .columns > div { break-inside: avoid; }
  tr { break-inside: avoid; } thead { display: table-header-group; }
  th, td { padding: 0.2rem 0.7rem 0.2rem 0; }
  .tiles { grid-template-columns: repeat(5, 1fr); } .tile { padding: 0.5rem 0.5rem 0.5rem 0; } .tile .figure { font-size: 15pt; }
  .tile .unit, .tile .note, .tile dt { font-size: 7.5pt; }
  .draft { max-height: none; } .letter-big { width: 3rem; height: 3rem; font-size: 20pt; } .grade p { font-size: 10pt; } .grade .detail { font-size: 8.5pt; }
  pre { background: none; border: 1px solid var(--rule); }
  footer { font-size: 8pt; margin-top: 1rem; }
  p { orphans: 3; widows: 3; }
}
`;
