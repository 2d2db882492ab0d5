/** Markup that would do harm where it is shown without care. */

/** A script that leaves its mark on the page, wherever it runs. */
export const HIT = "window.top.__hit=1;try{parent.__hit=1}catch{};window.__hit=1";

/** Ways to run a script or fetch something, in HTML, SVG and Markdown (after OWASP's XSS filter evasion list). */
export const hostileMarkup = (canary: string): readonly string[] => [
  `<script>${HIT}</script>`,
  `<img src=x onerror="${HIT}">`,
  `<img src="${canary}/img.png">`,
  `<img srcset="${canary}/set.png 1x">`,
  `<svg onload="${HIT}"><image href="${canary}/svg.png"/><use href="${canary}/use.svg#a"/></svg>`,
  `<svg><a xlink:href="javascript:${HIT}"><text y=20>x</text></a><script>${HIT}</script></svg>`,
  `<svg><animate attributeName=href values="javascript:${HIT}" /><set attributeName=onmouseover to="${HIT}"/></svg>`,
  `<svg><foreignObject><iframe src="javascript:${HIT}"></iframe></foreignObject></svg>`,
  `<a href="javascript:${HIT}">a</a><a href="jav\tascript:${HIT}">b</a><a href=" javascript:${HIT}">c</a>`,
  `<a href="data:text/html,<script>${HIT}</script>">d</a><a href="vbscript:x">e</a>`,
  `<iframe srcdoc="<script>${HIT}</script>"></iframe>`,
  `<object data="${canary}/o"></object><embed src="${canary}/e">`,
  `<link rel=stylesheet href="${canary}/l.css"><style>@import "${canary}/i.css"; body{background:url(${canary}/b.png)}</style>`,
  `<div style="background:url(${canary}/s.png)">x</div><div style="background:u\\72l(${canary}/t.png)">y</div>`,
  `<form action="${canary}/f"><button autofocus onfocus="${HIT}">x</button><input type=image src="${canary}/in.png"></form>`,
  `<details open ontoggle="${HIT}">x</details><video autoplay><source onerror="${HIT}" src="${canary}/v"></video>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${HIT}&gt;">`,
  `<base href="${canary}/"><img src="rel.png"><meta http-equiv=refresh content="0;url=${canary}/meta">`,
  `<noscript><p title="</noscript><img src=x onerror=${HIT}>">`,
  `<template><script>${HIT}</script></template><x-y onclick="${HIT}">x</x-y>`,
  `<audio src="${canary}/a.mp3" autoplay></audio><video poster="${canary}/p.png"></video>`,
];
