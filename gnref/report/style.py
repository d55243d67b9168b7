"""How a page looks: light and dark, on wide screens and narrow ones."""

STYLE = """
:root { color-scheme: light dark; --text: #1c1c1c; --back: #fff; --soft: #5a5a5a; --line: #d9d9d4; --box: #f5f5f2;
  --true: #00664a; --partly: #8a5a00; --false: #a8321a; --open: #5a5a5a; --wrong: #fff; --alarm: #b00020; }
@media (prefers-color-scheme: dark) { :root { --text: #e2e2e0; --back: #161616; --soft: #a8a8a4; --line: #3a3a38;
  --box: #222220; --true: #5fd0a4; --partly: #e0b050; --false: #ff9a7a; --open: #a8a8a4; --wrong: #161616; --alarm:
  #ff7d8e; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem;
  color: var(--text); background: var(--back); }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p.lead { font-weight: 600; } p.marks span { margin-right: 1.2rem; }
details.legend dl { grid-template-columns: 14rem minmax(0, 1fr); } small, .soft { color: var(--soft); }
a { color: inherit; }
details.row { border-top: 1px solid var(--line); }
details.row > summary { display: grid; grid-template-columns: 1.1rem minmax(0, 1fr) 13rem 11rem; gap: 0 .8rem;
  padding: .55rem 0; cursor: pointer; list-style: none; }
details.row > summary::-webkit-details-marker { display: none; }
details.row > summary::before { content: "▸"; color: var(--soft); } details.row[open] > summary::before { content:
  "▾"; }
.says { display: block; color: var(--soft); font-size: .93rem; }
.name { font-weight: 600; overflow-wrap: anywhere; }
.inside { margin: 0 0 1.2rem 1.9rem; scroll-margin-top: 6rem; } .inside:target { outline: 2px solid var(--partly);
  outline-offset: .6rem; }
.true, .partly, .false, .open { font-size: .93rem; } .true { color: var(--true); } .partly { color: var(--partly); }
.false { color: var(--false); } .open { color: var(--open); }
.true::before { content: "● "; } .partly::before { content: "◐ "; } .false::before { content: "✕ "; } .open::before
  { content: "○ "; }
.verdict { font-size: .93rem; } .UNEXPECTED { background: var(--alarm); color: var(--wrong); padding: 0 .4rem;
  font-weight: 700; }
dl { display: grid; grid-template-columns: 7rem minmax(0, 1fr); gap: .25rem 1rem; margin: .3rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--box); padding: .6rem .8rem; font-size:
  .82rem; margin: .4rem 0; }
details.checks, details.legend, details.more { margin: .6rem 0; } summary { cursor: pointer; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; width: 100%; }
th, td { text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); padding: .25rem .6rem .25rem
  0; overflow-wrap: anywhere; }
table.numbers { min-width: 46rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
figure { margin: 1.2rem 0; break-inside: avoid; } figure img { max-width: 100%; height: auto; background: #fff; }
@media (max-width: 44rem) {
  details.row > summary { grid-template-columns: 1.1rem minmax(0, 1fr); } details.row > summary > * { grid-column:
  2; }
  details.row > summary::before { grid-row: 1; } .inside { margin-left: 0; }
  dl, details.legend dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin-bottom: .4rem; }
}
/* On paper nothing can be opened: every claim is, and what it says stays with its name. */
@media print {
  :root { color-scheme: light; --text: #000; --back: #fff; --soft: #444; font-size: 10pt; }
  body { font-size: 1rem; padding: 0; max-width: none; } details.row { break-inside: avoid-page; }
  details.row::details-content, details.legend::details-content { content-visibility: visible; display: block;
  height: auto; }
  details.row > summary::before { content: ""; } .inside > p:last-child { display: none; }
}
"""
