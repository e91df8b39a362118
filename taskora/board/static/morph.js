// Makes one element like another with as few changes as it takes, so that focus, selection, scroll positions, open
// details and what somebody is typing stay.

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || null : null);
const alike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);

function attributes(to, from) {
  for (const { name } of [...to.attributes]) {
    if (!from.hasAttribute(name) && !(name === "open" && to.nodeName === "DETAILS")) to.removeAttribute(name);
  }
  for (const { name, value } of from.attributes) {
    if (to.getAttribute(name) !== value) to.setAttribute(name, value);
  }
}

export function morph(to, from) {
  attributes(to, from);
  if (to.matches("input, textarea, select")) {
    if (document.activeElement === to || to.dataset.edited) return;
  }
  const keyed = new Map();
  for (const child of to.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
  let place = to.firstChild;
  for (const child of [...from.childNodes]) {
    const key = keyOf(child);
    const known = key && keyed.get(key);
    if (known && known !== place && alike(known, child)) to.insertBefore(known, place);
    else if (!place || !alike(place, child)) {
      to.insertBefore(child, place);
      continue;
    }
    const same = known && alike(known, child) ? known : place;
    place = same.nextSibling;
    if (same.nodeType === Node.ELEMENT_NODE) morph(same, child);
    else if (same.nodeValue !== child.nodeValue) same.nodeValue = child.nodeValue;
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

document.addEventListener("input", (event) => {
  if (event.target.closest("#main")) event.target.dataset.edited = "1";
});
