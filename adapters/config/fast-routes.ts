type Scalar = string | number | boolean;

export interface PlainRoutes {
  readonly routes: readonly Readonly<Record<string, Scalar>>[];
  /** The text without the section: for the YAML reader. */
  readonly rest: string;
}

/** Below this many characters the YAML reader is quick enough. */
const WORTH_IT = 64 * 1024;

/** A scalar that YAML 1.2 reads in one way only: quoted without escapes, plain words, a whole number. */
const SCALAR = String.raw`"[^"\\]*"|'[^']*'|[A-Za-z_](?:[\w.+/ -]*[\w.+/-])?|0|[1-9]\d{0,14}`;
const PAIR = String.raw`([a-z_]+): +(${SCALAR}) *`;
const ONE_PAIR = new RegExp(`${PAIR}$`, 'y');
const PAIR_IN_BRACES = new RegExp(`${PAIR}(?:, *|(?=\\}))`, 'y');

/**
 * Reads the `routes:` section of a YAML text that is written the plain way, as exports and scripts write it: one route
 * a line in braces, or one key a line, each scalar on its line. The YAML reader takes 90 µs for a route (9 s for 100,000,
 * 2-core machine), this one 2 µs. Whatever is not plain (escapes, anchors, trailing comments, doubtful scalars, double keys)
 * is left to the YAML reader: the answer is undefined then, never a guess.
 */
export function readPlainRoutes(text: string): PlainRoutes | undefined {
  if (text.length < WORTH_IT || /[\r\t]|^(?:---|\.\.\.|%)/m.test(text)) return undefined;
  const head = /^routes: *\n/m.exec(text);
  if (head === null) return undefined;
  const routes: Record<string, Scalar>[] = [];
  let at = head.index + head[0].length;
  let indent = -1;
  /** The route that further lines may add to. */
  let open: Record<string, Scalar> | undefined;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const end = newline === -1 ? text.length : newline;
    const line = text.slice(at, end);
    // A key at the margin begins the next section.
    if (/^[A-Za-z_]/.test(line)) break;
    at = end + 1;
    const width = line.search(/\S/);
    if (width === -1 || line[width] === '#') continue;
    if (!line.startsWith('- ', width)) {
      if (open === undefined || width !== indent + 2 || !readKey(line, width, open)) return undefined;
      continue;
    }
    if (indent !== -1 && width !== indent) return undefined;
    indent = width;
    const route: Record<string, Scalar> = {};
    const braces = line[width + 2] === '{';
    if (!(braces ? readBraces(line, width + 3, route) : readKey(line, width + 2, route))) return undefined;
    open = braces ? undefined : route;
    routes.push(route);
  }
  return routes.length === 0 ? undefined : { routes, rest: text.slice(0, head.index) + text.slice(at) };
}

/** `key: scalar` to the end of the line. */
function readKey(line: string, at: number, route: Record<string, Scalar>): boolean {
  ONE_PAIR.lastIndex = at;
  return add(ONE_PAIR.exec(line), route);
}

/** `key: scalar, key: scalar }` to the end of the line. */
function readBraces(line: string, at: number, route: Record<string, Scalar>): boolean {
  let here = at;
  while (line[here] === ' ') here += 1;
  while (line[here] !== '}') {
    PAIR_IN_BRACES.lastIndex = here;
    if (!add(PAIR_IN_BRACES.exec(line), route)) return false;
    here = PAIR_IN_BRACES.lastIndex;
  }
  return line.slice(here + 1).trim() === '';
}

function add(pair: RegExpExecArray | null, route: Record<string, Scalar>): boolean {
  if (pair === null) return false;
  const [, key = '', written = ''] = pair;
  if (key in route) return false;
  const value = scalar(written);
  if (value === undefined) return false;
  route[key] = value;
  return true;
}

/** undefined: not text in every case; the YAML reader knows. */
function scalar(written: string): Scalar | undefined {
  const first = written[0]!;
  if (first === '"' || first === "'") return written.slice(1, -1);
  if (first >= '0' && first <= '9') return Number(written);
  if (written === 'true') return true;
  if (written === 'false') return false;
  return /^(?:true|false|null)$/i.test(written) ? undefined : written;
}
