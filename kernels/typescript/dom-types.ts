/** The few faces of a DOM that the kernel itself touches; workers' libraries of types have none. */

export interface DomNode {
  readonly nodeType: number;
  appendChild(child: DomNode): DomNode;
}

export interface DomElement extends DomNode {
  readonly localName: string;
  readonly namespaceURI: string | null;
  innerHTML: string;
  setAttribute(name: string, value: string): void;
}

export interface DomDocument {
  readonly documentElement: DomElement;
  createElement(name: string): DomElement;
  createElementNS(namespace: string | null, name: string): DomElement;
  createTextNode(text: string): DomNode;
  createDocumentFragment(): DomNode;
}

/** The worker's document, if one was made (dom.ts). */
export function currentDocument(): DomDocument {
  const found = (globalThis as { document?: DomDocument }).document;
  if (!found) throw new Error("There is no document in this kernel yet: name `document` in the cell");
  return found;
}
