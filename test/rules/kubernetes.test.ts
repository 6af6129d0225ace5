// The manifests for Kubernetes, held against what the service reads, serves and promises. No cluster is asked.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConfigError, parseConfig } from '../../src/config.ts';
import { type Skill, startSkill } from '../helpers/skill.ts';
import { defaultPort, filled, secrets, settings, stopDeadlineSeconds } from './deployment.ts';
import { readYaml, type Yaml, type YamlMap } from './read-yaml.ts';
import { readText } from './source-files.ts';

let skill: Skill;
beforeAll(async () => void (skill = await startSkill()));
afterAll(() => skill.stop());

const statusOf = async (path: string): Promise<number> => (await fetch(`${skill.url}${path}`)).status;

/** The map under this key. */
function mapOf(map: Yaml | undefined, ...keys: string[]): YamlMap {
  let value = map;
  for (const name of keys) value = (value as YamlMap | undefined)?.[name];
  return (value ?? {}) as YamlMap;
}

/** Settings that a start with these would refuse. */
function faultsOf(env: Record<string, string>, readSecret: (path: string) => string): string[] {
  try {
    parseConfig(env, readSecret);
  } catch (error) {
    return (error as ConfigError).faults.map(({ setting }) => setting).toSorted();
  }
  return [];
}

describe.each([
  ['deploy/kubernetes.yaml', 'Deployment'],
  ['deploy/kubernetes-sqlite.yaml', 'StatefulSet'],
] as const)('%s', (file, kind) => {
  const documents = readYaml(readText(file));
  const find = (wanted: string): YamlMap => documents.find((document) => document['kind'] === wanted) ?? {};
  const workload = mapOf(find(kind), 'spec');
  const pod = mapOf(workload, 'template', 'spec');
  const [container, ...otherContainers] = pod['containers'] as YamlMap[];
  const given = mapOf(find('ConfigMap'), 'data') as Record<string, string>;
  const mounts = container?.['volumeMounts'] as Record<string, string>[];
  const mountOf = (name: string) => mounts.find((mount) => mount['name'] === name)?.['mountPath'];
  const readSecret = (path: string): string => filled[path.replace(`${mountOf('secrets')}/`, '')] ?? '';

  it('names settings only, and no secret but by its file', () => {
    const names = Object.keys(given);
    expect(names.filter((name) => !settings.includes(name))).toEqual([]);
    expect(names.filter((name) => secrets.includes(name))).toEqual([]);
    expect(documents.map((document) => document['kind'])).not.toContain('Secret');
  });

  it('is all that a start needs once the places are filled in, and refuses to start before', () => {
    const places = Object.keys(given).filter((name) => given[name]?.startsWith('<'));
    expect(places.length).toBeGreaterThan(0);
    const env = { ...given, ...Object.fromEntries(places.map((name) => [name, filled[name]])) };
    const config = parseConfig(env, readSecret);
    expect(config.warnings).toEqual([]);
    expect(config.databaseUrl === undefined).toBe(kind === 'StatefulSet');
    expect(config.dataDir).toBe(mountOf('data') ?? './data');
    expect(faultsOf(given, readSecret)).toEqual(places.toSorted());
  });

  it('asks routes that are there, at the port that is listened on', async () => {
    expect(otherContainers).toEqual([]);
    expect(container?.['ports']).toEqual([{ name: 'http', containerPort: defaultPort }]);
    expect(mapOf(find('Service'), 'spec')['ports']).toEqual([{ name: 'http', port: 80, targetPort: 'http' }]);
    const probes = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((name) => mapOf(container, name, 'httpGet'));
    expect(probes.map((probe) => probe['port'])).toEqual(['http', 'http', 'http']);
    expect(probes.map((probe) => probe['path'])).toEqual(['/health/live', '/health/live', '/health/ready']);
    for (const { path } of probes) expect(await statusOf(path as string)).toBe(200);
  });

  it('waits for the end of a stop', () => {
    expect(stopDeadlineSeconds).toBe(30);
    expect(pod['terminationGracePeriodSeconds']).toBeGreaterThan(stopDeadlineSeconds);
  });

  it('lets it do nothing that it need not', () => {
    const user = { runAsNonRoot: 'true', runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 };
    expect(pod['securityContext']).toEqual({ ...user, seccompProfile: { type: 'RuntimeDefault' } });
    expect(pod['automountServiceAccountToken']).toBe('false');
    expect(container?.['securityContext']).toEqual({
      allowPrivilegeEscalation: 'false',
      readOnlyRootFilesystem: 'true',
      capabilities: { drop: ['ALL'] },
    });
    expect(mapOf(container, 'resources', 'limits')['memory']).toBe('512Mi');
  });

  it('finds its own pods', () => {
    const labels = mapOf(workload, 'template', 'metadata', 'labels');
    const selectors = [
      mapOf(workload, 'selector', 'matchLabels'),
      mapOf(find('Service'), 'spec', 'selector'),
      ...documents
        .filter((document) => document['kind'] === 'PodDisruptionBudget')
        .map((document) => mapOf(document, 'spec', 'selector', 'matchLabels')),
    ];
    for (const selector of selectors) expect(selector).toEqual(labels);
  });
});

it('deploy/kubernetes.yaml has replicas, of which one goes at a time', () => {
  const documents = readYaml(readText('deploy/kubernetes.yaml'));
  const spec = (kind: string): YamlMap =>
    mapOf(
      documents.find((document) => document['kind'] === kind),
      'spec',
    );
  expect(spec('Deployment')['replicas']).toBe(3);
  expect(mapOf(spec('Deployment'), 'strategy', 'rollingUpdate')).toEqual({ maxUnavailable: 0, maxSurge: 1 });
  expect(spec('PodDisruptionBudget')['maxUnavailable']).toBe(1);
});

it('deploy/kubernetes-sqlite.yaml has one process, and a volume for it alone', () => {
  const documents = readYaml(readText('deploy/kubernetes-sqlite.yaml'));
  const spec = mapOf(
    documents.find((document) => document['kind'] === 'StatefulSet'),
    'spec',
  );
  expect(spec['replicas']).toBe(1);
  const claims = spec['volumeClaimTemplates'] as YamlMap[];
  expect(claims.map((claim) => mapOf(claim, 'metadata')['name'])).toEqual(['data']);
  expect(claims.map((claim) => mapOf(claim, 'spec')['accessModes'])).toEqual([['ReadWriteOncePod']]);
});
