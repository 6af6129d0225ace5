// Reads the part of YAML that deploy/ is written in: maps, lists, texts and whole numbers in blocks, comments on lines of
// their own; `true` stays a text. Throws at anything else, so that nothing is passed over.

export type Yaml = string | number | readonly Yaml[] | YamlMap;
export type YamlMap = { readonly [key: string]: Yaml };

type Line = { readonly indent: number; readonly text: string };

/** The documents of a text. */
export function readYaml(text: string): YamlMap[] {
  return text.split(/^---$/m).map((document) => {
    const lines = document
      .split('\n')
      .filter((line) => !/^ *(?:#|$)/.test(line))
      .map((line) => ({ indent: line.search(/[^ ]/), text: line.trim() }));
    const map = readMap(lines, 0);
    if (lines[0]) throw new Error(`not as deep as the lines around it: ${lines[0].text}`);
    return map;
  });
}

function readBlock(lines: Line[], indent: number): Yaml {
  return lines[0]?.text.startsWith('- ') ? readList(lines, indent) : readMap(lines, indent);
}

function readMap(lines: Line[], indent: number): YamlMap {
  const map: Record<string, Yaml> = {};
  while (lines[0]?.indent === indent && !lines[0].text.startsWith('- ')) {
    const { text } = lines.shift() ?? lines[0];
    const [, key = '', value] = /^([\w./-]+):(?: (.+))?$/.exec(text) ?? fail(text);
    if (Object.hasOwn(map, key)) fail(`${text} (again)`);
    const next = lines[0];
    if (value !== undefined) map[key] = readScalar(value);
    else if (next && next.indent > indent) map[key] = readBlock(lines, next.indent);
    else fail(`${text} (empty)`);
  }
  return map;
}

function readList(lines: Line[], indent: number): Yaml[] {
  const list: Yaml[] = [];
  while (lines[0]?.indent === indent && lines[0].text.startsWith('- ')) {
    const text = lines[0].text.slice(2);
    if (/^[\w./-]+:(?: |$)/.test(text)) {
      lines[0] = { indent: indent + 2, text };
      list.push(readMap(lines, indent + 2));
    } else {
      lines.shift();
      list.push(readScalar(text));
    }
  }
  return list;
}

function readScalar(text: string): Yaml {
  if (/^\d+$/.test(text)) return text.startsWith('0') ? Number.parseInt(text, 8) : Number(text);
  const quoted = /^'(?<inside>[^']*)'$/.exec(text)?.groups?.['inside'];
  return quoted ?? (/^[\w/][\w ./-]*$/.test(text) ? text : fail(text));
}

function fail(text: string): never {
  throw new Error(`more of YAML than is read here: ${text}`);
}
