/** The report's style sheet: light and dark, readable on a phone and on paper. */
export const REPORT_STYLE = `
:root {
  color-scheme: light dark;
  --page: #fff; --ink: #1c2127; --muted: #5b6570; --line: #dde1e6; --raised: #f5f6f8;
  --series-0: #1f66d0; --series-1: #6b7480; --series-2: #b8560f; --series-3: #117a5c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171b; --ink: #e7eaee; --muted: #a3acb7; --line: #343b44; --raised: #1d2228;
    --series-0: #74aaff; --series-1: #98a2ae; --series-2: #f2a15c; --series-3: #4fc7a3;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 3rem;
  background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.125rem; margin: 2.25rem 0 0.75rem; }
p { margin: 0.25rem 0 0; }
.muted { color: var(--muted); }
.gains { display: grid; gap: 0.75rem; margin-top: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); }
.gain { background: var(--raised); border-radius: 8px; padding: 0.875rem 1rem; }
.gain h3 { margin: 0 0 0.375rem; font-size: 0.9375rem; font-weight: 600; color: var(--muted); }
.gain dl { margin: 0; display: grid; grid-template-columns: auto 1fr; gap: 0 0.625rem; align-items: baseline; }
.gain dt { font-size: 1.25rem; font-weight: 650; font-variant-numeric: tabular-nums; text-align: right; }
.gain dd { margin: 0; color: var(--muted); }
figure { margin: 0; }
figure svg { display: block; width: 100%; height: auto; }
figure .narrow { display: none; }
@media (max-width: 40rem) {
  figure .wide { display: none; }
  figure .narrow { display: block; }
}
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 0.3125rem 0.75rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--muted); font-weight: 600; font-size: 0.875rem; }
th:first-child, td:first-child { padding-left: 0; }
.text { text-align: left; }
code { font: 0.875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.25rem 1.25rem; margin: 0; }
.facts dt { color: var(--muted); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .facts dd { margin-bottom: 0.5rem; }
  th, td { padding: 0.3125rem 0.5rem; font-size: 0.9375rem; }
  th { white-space: normal; vertical-align: bottom; }
}
@media print {
  body { max-width: none; padding: 0; }
  h2, tr, figure, .gain { break-inside: avoid; }
}
`;
