// The few helpers that build elements. Text from others enters the page here, and only as textContent.

/** The element with this id; throws when the page lacks it. */
export function get(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`no element #${id}`);
  return element;
}

/** A new element with a class and children; strings become text. */
export function build(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** Clock time of a moment in milliseconds. */
export function formatTime(at) {
  return new Date(at).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  });
}
