/**
 * TSX without a framework: `h` makes real elements of the worker's DOM, so that they can hold Plot's and d3's, be changed
 * and be shown. Function components are called with their props; events are refused, since what is shown is a copy.
 */
import { currentDocument, type DomElement, type DomNode } from "./dom-types.ts";
import { htmlOf, isElementLike, Markup } from "./markup.ts";

type Props = Readonly<Record<string, unknown>> | null | undefined;
type Component = (props: Record<string, unknown>) => unknown;

/** Elements that only SVG has; those with a namesake in HTML (a, style, title, script) are HTML's. */
const SVG_ELEMENTS = new Set(
  `svg g path circle ellipse line polygon polyline rect text tspan textPath defs use symbol marker mask pattern clipPath
  linearGradient radialGradient stop filter feBlend feColorMatrix feComponentTransfer feComposite feConvolveMatrix
  feDiffuseLighting feDisplacementMap feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur feImage feMerge
  feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence foreignObject image
  animate animateMotion animateTransform mpath set switch view desc metadata`.split(/\s+/),
);
const RENAMED: Readonly<Record<string, string>> = {
  className: "class",
  htmlFor: "for",
  xlinkHref: "xlink:href",
  defaultValue: "value",
  defaultChecked: "checked",
};
/** SVG attributes that keep their capitals; other camelCase ones get hyphens, as in React (strokeWidth). */
const KEEP_CASE =
  /^(?:viewBox|preserveAspectRatio|gradientUnits|gradientTransform|patternUnits|patternTransform|clipPathUnits|maskUnits|markerWidth|markerHeight|markerUnits|refX|refY|pathLength|startOffset|textLength|lengthAdjust|spreadMethod|stdDeviation|baseFrequency|numOctaves|tableValues|attributeName|repeatCount|keyTimes|keySplines|calcMode|xChannelSelector|yChannelSelector)$/;

/** What `<>…</>` stands for. */
export const Fragment: unique symbol = Symbol("Fragment");

const hyphens = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function styleText(style: object): string {
  return Object.entries(style)
    .filter(([, value]) => value !== undefined && value !== null && value !== false)
    .map(([name, value]) => {
      const key = name.startsWith("--") ? name : hyphens(name);
      const unitless =
        /^(?:--|opacity|z-index|flex|flex-grow|flex-shrink|order|line-height|font-weight|zoom|fill-opacity|stroke-opacity|column-count|grid-row|grid-column|tab-size|orphans|widows)/.test(
          key,
        );
      return `${key}: ${typeof value === "number" && value !== 0 && !unitless ? `${value}px` : String(value)}`;
    })
    .join("; ");
}

function setAttribute(element: DomElement, name: string, value: unknown): void {
  if (
    name === "children" ||
    name === "key" ||
    name === "ref" ||
    value === undefined ||
    value === null ||
    value === false
  )
    return;
  if (/^on[A-Z]/.test(name) || typeof value === "function") {
    throw new TypeError(
      `<${element.localName}> has the handler ${name}, but cells show a copy of their elements: use a widget for what reacts`,
    );
  }
  if (name === "dangerouslySetInnerHTML") {
    element.innerHTML = String((value as { __html?: unknown }).__html ?? "");
    return;
  }
  if (name === "style" && typeof value === "object") return element.setAttribute("style", styleText(value as object));
  const isSvg = element.namespaceURI === "http://www.w3.org/2000/svg";
  const key =
    RENAMED[name] ??
    (isSvg && !KEEP_CASE.test(name)
      ? hyphens(name)
      : isSvg
        ? name
        : /^(?:aria|data)[A-Z]/.test(name)
          ? hyphens(name)
          : name.toLowerCase());
  element.setAttribute(
    key,
    value === true
      ? /^(?:aria|data)-/.test(key)
        ? "true"
        : ""
      : Array.isArray(value)
        ? value.join(" ")
        : String(value),
  );
}

function append(parent: DomNode, child: unknown): void {
  if (child === undefined || child === null || typeof child === "boolean") return;
  if (child instanceof Markup) {
    const template = currentDocument().createElement("template") as DomElement & { readonly content: DomNode };
    template.innerHTML = htmlOf(child);
    parent.appendChild(template.content);
  } else if (isElementLike(child)) parent.appendChild(child as unknown as DomNode);
  else if (typeof child === "object" && Symbol.iterator in child)
    for (const item of child as Iterable<unknown>) append(parent, item);
  else parent.appendChild(currentDocument().createTextNode(String(child)));
}

/** Makes an element; what sucrase turns `<tag …>` into. Needs `document`. */
export function h(tag: string | Component | typeof Fragment, props: Props, ...children: readonly unknown[]): unknown {
  if (typeof tag === "function") {
    const given = children.length === 0 ? {} : { children: children.length === 1 ? children[0] : children };
    const isClass = /^class\b/.test(Function.prototype.toString.call(tag));
    if (isClass)
      throw new TypeError(
        `<${tag.name}> is a class: import a framework and name its factory in a comment, /** @jsx createElement */`,
      );
    return tag({ ...props, ...given });
  }
  if (tag === Fragment) {
    const fragment = currentDocument().createDocumentFragment();
    for (const child of children) append(fragment, child);
    return fragment;
  }
  if (typeof tag !== "string") throw new TypeError(`An element must be a tag or a function, not ${String(tag)}`);
  const element = SVG_ELEMENTS.has(tag)
    ? currentDocument().createElementNS("http://www.w3.org/2000/svg", tag)
    : currentDocument().createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) setAttribute(element, name, value);
  for (const child of children.length > 0 ? children : [(props as { children?: unknown } | undefined | null)?.children])
    append(element, child);
  return element;
}
