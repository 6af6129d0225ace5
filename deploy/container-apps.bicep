// Copilot Notify on Azure Container Apps, on a PostgreSQL that is there already. The user-assigned identity is the bot's
// (MicrosoftAppType UserAssignedMSI: no password to keep), and pulls the image.
//   az deployment group create -g my-group -f deploy/container-apps.bicep -p registryName=… image=… allowedCallers=…
// asks for the two secrets. Only where users shall also write to the bot itself (ALLOWED_CHANNELS), afterwards: an Azure Bot of
// type user-assigned managed identity with the outputs below.
// The identity is UserAssignedMSI, which has no app registration and so no home page URL for Copilot Studio to compare the
// endpoint's domain with: whether it imports such a skill is undocumented, as init warns too.

param name string = 'copilot-notify'
param location string = resourceGroup().location

@description('Azure Container Registry in this resource group.')
param registryName string

@description('Repository and tag in that registry, such as copilot-notify:0.1.0.')
param image string

@description('App ids of the agents that may call, comma separated.')
param allowedCallers string

@description('postgres://user:password@host:5432/database?sslmode=verify-full. SQLite is no choice here: a new revision starts before the old one ends, and a share of Azure Files has no locks to rely on.')
@secure()
param databaseUrl string

@description('name:secret, comma separated; secrets of at least 24 characters.')
@secure()
param notifyApiKeys string

@description('Never 0: nobody would deliver what is pending, or try again what has failed.')
@minValue(1)
param minReplicas int = 2

@minValue(1)
param maxReplicas int = 4

var port = 3978

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: name
  location: location
}

resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' existing = {
  name: registryName
}

// AcrPull (learn: role-based-access-control/built-in-roles)
resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, identity.id, 'AcrPull')
  scope: registry
  properties: {
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', '7f951dda-4ed3-4680-a7ca-43fe172d538d')
  }
}

resource logs 'Microsoft.OperationalInsights/workspaces@2022-10-01' = {
  name: name
  location: location
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
  }
}

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: name
  location: location
  properties: {
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: {
        customerId: logs.properties.customerId
        sharedKey: logs.listKeys().primarySharedKey
      }
    }
  }
}

var publicUrl = 'https://${name}.${environment.properties.defaultDomain}'

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: name
  location: location
  dependsOn: [pull]
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity.id}': {} }
  }
  properties: {
    environmentId: environment.id
    configuration: {
      activeRevisionsMode: 'Single'
      ingress: {
        external: true
        allowInsecure: false
        targetPort: port
        transport: 'http'
      }
      registries: [{ server: registry.properties.loginServer, identity: identity.id }]
      secrets: [
        { name: 'database-url', value: databaseUrl }
        { name: 'notify-api-keys', value: notifyApiKeys }
      ]
    }
    template: {
      // Longer than the service's own stop, which ends itself after 30 s.
      terminationGracePeriodSeconds: 40
      scale: { minReplicas: minReplicas, maxReplicas: maxReplicas }
      containers: [
        {
          name: 'copilot-notify'
          image: '${registry.properties.loginServer}/${image}'
          resources: { cpu: json('0.5'), memory: '1Gi' }
          env: [
            { name: 'MicrosoftAppType', value: 'UserAssignedMSI' }
            { name: 'MicrosoftAppId', value: identity.properties.clientId }
            { name: 'MicrosoftAppTenantId', value: identity.properties.tenantId }
            { name: 'AllowedCallers', value: allowedCallers }
            { name: 'PUBLIC_URL', value: publicUrl }
            { name: 'PORT', value: string(port) }
            { name: 'DATABASE_URL', secretRef: 'database-url' }
            { name: 'NOTIFY_API_KEYS', secretRef: 'notify-api-keys' }
          ]
          probes: [
            { type: 'Startup', httpGet: { path: '/health/live', port: port }, periodSeconds: 10, failureThreshold: 10 }
            { type: 'Liveness', httpGet: { path: '/health/live', port: port }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }
            { type: 'Readiness', httpGet: { path: '/health/ready', port: port }, periodSeconds: 2, timeoutSeconds: 2, failureThreshold: 2 }
          ]
        }
      ]
    }
  }
}

output messagingEndpoint string = '${publicUrl}/api/messages'
output appId string = identity.properties.clientId
output tenantId string = identity.properties.tenantId
output identityId string = identity.id
