// The form that starts an action: the skill's actions, and a field for each input of the chosen one.

import { build } from './dom.js';

/** Keeps the form of this chat. */
export function createActionForm(section) {
  const names = section.querySelector('.action-name');
  const inputs = section.querySelector('.inputs');
  let actions = [];
  let offered = '';
  const drawChosen = () =>
    drawInputs(
      inputs,
      actions.find(({ name }) => name === names.value),
    );
  names.addEventListener('change', drawChosen);
  return {
    /** Offers the skill's actions; left alone while they are the same, so that what was typed stays. */
    offer(skill) {
      const key = JSON.stringify([skill?.appId, skill?.actions]);
      if (key === offered) return;
      offered = key;
      actions = skill?.actions ?? [];
      names.replaceChildren(...actions.map(({ name, description }) => buildOption(name, name, description)));
      drawChosen();
    },
    read: () => ({ name: names.value, inputs: readInputs(inputs) }),
  };
}

function drawInputs(place, action) {
  const fields = (action?.inputs ?? []).map(({ name, type, description }) => {
    const control = type === 'boolean' ? build('select', '') : build('input', '');
    if (type === 'boolean')
      control.append(buildOption('', 'not given'), buildOption('true', 'true'), buildOption('false', 'false'));
    if (type === 'integer' || type === 'number') control.type = 'number';
    control.name = name;
    control.title = description;
    control.dataset.type = type;
    // So that the demo's own request finds the one who waits.
    if (name === 'subject') control.value = 'order/42';
    if (name === 'timeoutMinutes') control.value = '10';
    return build('label', 'field', build('span', '', name), control);
  });
  place.replaceChildren(...fields);
}

function readInputs(place) {
  const inputs = {};
  for (const { name, value, dataset } of place.querySelectorAll('input, select')) {
    if (value !== '') inputs[name] = parseInput(value, dataset.type);
  }
  return inputs;
}

function parseInput(value, type) {
  if (type === 'integer' || type === 'number') return Number(value);
  return type === 'boolean' ? value === 'true' : value;
}

/** An option of a select. */
export function buildOption(value, text, title = '') {
  const option = build('option', '', text);
  option.value = value;
  option.title = title;
  return option;
}
