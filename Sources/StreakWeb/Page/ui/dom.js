// Renders a description of elements into the page and changes only what differs, so that focus,
// selection and scroll positions stay. `h(tag, props, ...children)` describes an element.

const svgTags = new Set(["svg", "path", "circle"]);
const svgNamespace = "http://www.w3.org/2000/svg";

/** Properties that an attribute would only set the first time. */
const asProperties = new Set(["value", "checked", "disabled", "open", "indeterminate"]);

export const h = (tag, props, ...children) => ({
  tag, props: props ?? {}, children: children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
});

const setProp = (node, name, value, before) => {
  if (name === "key" || name === "focus" || value === before) return;
  if (name.startsWith("on")) {
    node[name] = value ?? null;
  } else if (asProperties.has(name)) {
    if (node[name] !== value) node[name] = value ?? (name === "value" ? "" : false);
  } else if (name === "vars") {
    // Custom properties by script: the page's policy allows no `style` attributes.
    for (const [variable, text] of Object.entries(value ?? {})) node.style.setProperty(variable, text);
  } else if (value === undefined || value === null || value === false) {
    node.removeAttribute(name);
  } else {
    node.setAttribute(name, value === true ? "" : value);
  }
};

const setProps = (node, props) => {
  const before = node.described ?? {};
  for (const name of Object.keys(before)) if (!(name in props)) setProp(node, name, undefined, before[name]);
  for (const [name, value] of Object.entries(props)) setProp(node, name, value, before[name]);
  node.described = props;
};

const create = (child) => {
  if (typeof child !== "object") return document.createTextNode(child);
  const node = svgTags.has(child.tag) ? document.createElementNS(svgNamespace, child.tag) : document.createElement(child.tag);
  // Children first: the value of a `select` must be among its options.
  render(node, child.children);
  setProps(node, child.props);
  if (child.props.focus) queueMicrotask(() => node.focus());
  return node;
};

const fits = (node, child) => {
  if (typeof child !== "object") return node.nodeType === Node.TEXT_NODE;
  return node.localName === child.tag && node.described?.key === child.props.key;
};

/**
 * Makes `parent`'s content what `children` describe. Elements that stay are not moved where it can
 * be helped: moving one takes the focus from it.
 */
export const render = (parent, children) => {
  const old = new Set(parent.childNodes);
  const keyed = new Map([...old].filter((node) => node.described?.key !== undefined).map((node) => [node.described.key, node]));
  const unkeyed = [...old].filter((node) => node.described?.key === undefined);
  const kept = children.map((child) => {
    const key = child.props?.key;
    const found = key === undefined ? unkeyed.findIndex((each) => fits(each, child)) : -1;
    const node = key === undefined ? unkeyed[found] : keyed.get(key);
    if (!node || !fits(node, child)) return undefined;
    // In their order: what is before it is not used any more.
    if (key === undefined) unkeyed.splice(0, found + 1);
    keyed.delete(key);
    old.delete(node);
    return node;
  });
  for (const node of old) node.remove();
  children.forEach((child, index) => {
    let node = kept[index];
    if (!node) {
      node = create(child);
    } else if (typeof child === "object") {
      render(node, child.children);
      setProps(node, child.props);
    } else if (node.data !== String(child)) {
      node.data = child;
    }
    if (parent.childNodes[index] !== node) parent.insertBefore(node, parent.childNodes[index] ?? null);
  });
};
