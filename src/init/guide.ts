// How the skill is registered: commands of the Azure CLI with the values filled in, and the steps in Copilot Studio. They
// are told, never run. Options: learn.microsoft.com/cli/azure/ad/app, /ad/sp, /identity and /bot.

import type { Answers } from './answers.ts';

type BeforeAppId = Omit<Answers, 'appId' | 'secret'>;
type BeforeSecret = Omit<Answers, 'secret'>;

/** What makes the app id. */
export function tellAppCommands(known: BeforeAppId): string {
  const { name, resourceGroup, publicUrl, tenant } = known;
  const commands =
    known.appType === 'UserAssignedMSI'
      ? [
          `az group create --name ${resourceGroup} --location westeurope`,
          `az identity create --resource-group ${resourceGroup} --name ${name} --query clientId --output tsv`,
        ]
      : [
          `az ad app create --display-name ${name} --sign-in-audience AzureADMyOrg --web-home-page-url ${publicUrl} --query appId --output tsv`,
        ];
  return section('The app id of the skill comes from:', [logInTo(tenant), ...commands]);
}

function logInTo(tenant: string): string {
  return `az login --tenant ${tenant}`;
}

/** What makes the secret of an app that is there. */
export function tellSecretCommands({ appId, name }: BeforeSecret): string {
  return section('The client secret comes from:', [
    `az ad sp create --id ${appId}`,
    `az ad app credential reset --id ${appId} --append --display-name ${name} --years 1 --query password --output tsv`,
  ]);
}

/** For Copilot Studio a skill must be a registered app, no more: learn.microsoft.com/azure/bot-service/skill-pva */
const azureBot =
  'The Azure Bot, only if users shall also write to the bot itself (ALLOWED_CHANNELS); no agent needs it:';

/** The registration of an app that is there: what makes its id is told before, where the id is asked for. */
export function tellGuide(answers: BeforeSecret): string {
  const parts = answers.appType === 'UserAssignedMSI' ? tellManaged(answers) : tellSingleTenant(answers);
  return [...parts, tellCopilotStudio(answers)].join('');
}

function tellSingleTenant(answers: BeforeSecret): string[] {
  const { appId, tenant, publicUrl, name, resourceGroup } = answers;
  return [
    '\nRegister the skill, once. What you have done already, leave out.\n',
    section('Log in to the directory of the agent:', [logInTo(tenant)]),
    tellSecretCommands(answers),
    section('The home page URL, whose domain the import compares with the endpoint:', [
      `az ad app update --id ${appId} --web-home-page-url ${publicUrl}`,
    ]),
    section(azureBot, [
      `az group create --name ${resourceGroup} --location westeurope`,
      `az bot create --resource-group ${resourceGroup} --name ${name} --app-type SingleTenant --appid ${appId} --tenant-id ${tenant} --endpoint ${publicUrl}/api/messages --sku F0`,
    ]),
  ];
}

function tellManaged(answers: BeforeSecret): string[] {
  const { appId, tenant, publicUrl, name, resourceGroup } = answers;
  const resourceId = `$(az identity show --resource-group ${resourceGroup} --name ${name} --query id --output tsv)`;
  return [
    '\nRegister the skill, once. What you have done already, leave out.\n',
    section('Log in to the directory of the agent:', [logInTo(tenant)]),
    section('The identity belongs to the host that the service runs on, one of:', [
      `az containerapp identity assign --resource-group ${resourceGroup} --name YOUR-APP --user-assigned "${resourceId}"`,
      `az webapp identity assign --resource-group ${resourceGroup} --name YOUR-APP --identities "${resourceId}"`,
    ]),
    section(azureBot, [
      `az bot create --resource-group ${resourceGroup} --name ${name} --app-type UserAssignedMSI --appid ${appId} --tenant-id ${tenant} --msi-resource-id "${resourceId}" --endpoint ${publicUrl}/api/messages --sku F0`,
    ]),
    [
      '\nA managed identity has no app registration, so no home page URL, with which the import compares the domain of the',
      '\nendpoint. Whether Copilot Studio imports such a skill is not documented; a SingleTenant one it does.\n',
    ].join(''),
  ];
}

function tellCopilotStudio({ publicUrl, callers, appType }: BeforeSecret): string {
  const homePage = appType === 'SingleTenant' ? ` --home-page ${publicUrl}` : '';
  return `
Then:
  1. npx copilot-notify start      the service must run before the import, behind ${publicUrl}
  2. npx copilot-notify doctor${homePage}
  3. In Copilot Studio, the agent with the app id ${callers}: Settings > Skills > Add a skill, with the URL
     ${publicUrl}/manifests/skill-manifest-2.2.json
  4. In a topic: Add a node > Call an action > chatUntilNotified, with a subject such as order/42. Publish the agent.
  5. On Teams or your web site (not in the test pane) let the topic wait; then, in the folder of .env, which has
     the port and the key:
     npx copilot-notify notify --subject order/42 --text "Your order has been shipped."
`;
}

function section(title: string, commands: readonly string[]): string {
  return `\n${title}\n${commands.map((command) => `  ${command}\n`).join('')}`;
}
