"""Which members Tekton's and Kubernetes' Go structs write, in writing order: facts of Tekton Pipelines v1.15.0.

One line a struct: `member:type`, a `!` after members that are written even when empty. `[]T` is a list, `{}T` a map with
text keys, `*T` a pointer (absent and empty differ). The types with an encoding of their own are in `values.py`. A member of
struct type is always written, whatever Go's `omitempty` says of it.
"""

# fmt: off
STRUCTS: dict[str, str] = {
    "apis.Condition": (
        "type!:string status!:string severity:string lastTransitionTime!:Time reason:string message:string"
    ),
    "config.FeatureFlags": (
        "disableCredsInit:bool runningInEnvWithInjectedSidecars:bool requireGitSSHSecretKnownHosts:bool "
        "enableAPIFields:string sendCloudEventsForRuns:bool awaitSidecarReadiness:bool "
        "enforceNonfalsifiability:string enableKeepPodOnCancel:bool verificationNoMatchPolicy:string "
        "enableProvenanceInStatus:bool resultExtractionMethod:string maxResultSize:int setSecurityContext:bool "
        "setSecurityContextReadOnlyRootFilesystem:bool coschedule:string enableCELInWhenExpression:bool "
        "enableStepActions:bool enableParamEnum:bool enableArtifacts:bool disableInlineSpec:string "
        "enableConciseResolverSyntax:bool enableKubernetesSidecar:bool enableWaitExponentialBackoff:bool "
        "enableTerminationMessageCompression:bool enableTektonOCIBundles:*bool"
    ),
    "core.v1.AWSElasticBlockStoreVolumeSource": "volumeID!:string fsType:string partition:int32 readOnly:bool",
    "core.v1.Affinity": (
        "nodeAffinity:*core.v1.NodeAffinity podAffinity:*core.v1.PodAffinity podAntiAffinity:*core.v1.PodAntiAffinity"
    ),
    "core.v1.AppArmorProfile": "type!:string localhostProfile:*string",
    "core.v1.AzureDiskVolumeSource": (
        "diskName!:string diskURI!:string cachingMode:*string fsType:*string readOnly:*bool kind:*string"
    ),
    "core.v1.AzureFileVolumeSource": "secretName!:string shareName!:string readOnly:bool",
    "core.v1.CSIVolumeSource": (
        "driver!:string readOnly:*bool fsType:*string volumeAttributes:{}string "
        "nodePublishSecretRef:*core.v1.LocalObjectReference"
    ),
    "core.v1.Capabilities": "add:[]string drop:[]string",
    "core.v1.CephFSVolumeSource": (
        "monitors!:[]string path:string user:string secretFile:string secretRef:*core.v1.LocalObjectReference "
        "readOnly:bool"
    ),
    "core.v1.CinderVolumeSource": (
        "volumeID!:string fsType:string readOnly:bool secretRef:*core.v1.LocalObjectReference"
    ),
    "core.v1.ClusterTrustBundleProjection": (
        "name:*string signerName:*string labelSelector:*meta.v1.LabelSelector optional:*bool path!:string"
    ),
    "core.v1.ConfigMapEnvSource": "name:string optional:*bool",
    "core.v1.ConfigMapKeySelector": "name:string key!:string optional:*bool",
    "core.v1.ConfigMapProjection": "name:string items:[]core.v1.KeyToPath optional:*bool",
    "core.v1.ConfigMapVolumeSource": "name:string items:[]core.v1.KeyToPath defaultMode:*int32 optional:*bool",
    "core.v1.ContainerPort": "name:string hostPort:int32 containerPort!:int32 protocol:string hostIP:string",
    "core.v1.ContainerStateRunning": "startedAt!:Time",
    "core.v1.ContainerStateTerminated": (
        "exitCode!:int signal:int reason:string message:string startedAt!:Time finishedAt!:Time containerID:string"
    ),
    "core.v1.ContainerStateWaiting": "reason:string message:string",
    "core.v1.DownwardAPIProjection": "items:[]core.v1.DownwardAPIVolumeFile",
    "core.v1.DownwardAPIVolumeFile": (
        "path!:string fieldRef:*core.v1.ObjectFieldSelector resourceFieldRef:*core.v1.ResourceFieldSelector mode:*int32"
    ),
    "core.v1.DownwardAPIVolumeSource": "items:[]core.v1.DownwardAPIVolumeFile defaultMode:*int32",
    "core.v1.EmptyDirVolumeSource": "medium:string sizeLimit:*Quantity",
    "core.v1.EnvFromSource": (
        "prefix:string configMapRef:*core.v1.ConfigMapEnvSource secretRef:*core.v1.SecretEnvSource"
    ),
    "core.v1.EnvVar": "name!:string value:string valueFrom:*core.v1.EnvVarSource",
    "core.v1.EnvVarSource": (
        "fieldRef:*core.v1.ObjectFieldSelector resourceFieldRef:*core.v1.ResourceFieldSelector "
        "configMapKeyRef:*core.v1.ConfigMapKeySelector secretKeyRef:*core.v1.SecretKeySelector "
        "fileKeyRef:*core.v1.FileKeySelector"
    ),
    "core.v1.EphemeralVolumeSource": "volumeClaimTemplate:*core.v1.PersistentVolumeClaimTemplate",
    "core.v1.ExecAction": "command:[]string",
    "core.v1.FCVolumeSource": "targetWWNs:[]string lun:*int32 fsType:string readOnly:bool wwids:[]string",
    "core.v1.FileKeySelector": "volumeName!:string path!:string key!:string optional:*bool",
    "core.v1.FlexVolumeSource": (
        "driver!:string fsType:string secretRef:*core.v1.LocalObjectReference readOnly:bool options:{}string"
    ),
    "core.v1.FlockerVolumeSource": "datasetName:string datasetUUID:string",
    "core.v1.GCEPersistentDiskVolumeSource": "pdName!:string fsType:string partition:int32 readOnly:bool",
    "core.v1.GRPCAction": "port!:int32 service!:*string",
    "core.v1.GitRepoVolumeSource": "repository!:string revision:string directory:string",
    "core.v1.GlusterfsVolumeSource": "endpoints!:string path!:string readOnly:bool",
    "core.v1.HTTPGetAction": (
        "path:string port!:IntOrString host:string scheme:string httpHeaders:[]core.v1.HTTPHeader"
    ),
    "core.v1.HTTPHeader": "name!:string value!:string",
    "core.v1.HostAlias": "ip!:string hostnames:[]string",
    "core.v1.HostPathVolumeSource": "path!:string type:*string",
    "core.v1.ISCSIVolumeSource": (
        "targetPortal!:string iqn!:string lun!:int32 iscsiInterface:string fsType:string readOnly:bool portals:[]string "
        "chapAuthDiscovery:bool chapAuthSession:bool secretRef:*core.v1.LocalObjectReference initiatorName:*string"
    ),
    "core.v1.ImageVolumeSource": "reference:string pullPolicy:string",
    "core.v1.KeyToPath": "key!:string path!:string mode:*int32",
    "core.v1.Lifecycle": "postStart:*core.v1.LifecycleHandler preStop:*core.v1.LifecycleHandler stopSignal:*string",
    "core.v1.LifecycleHandler": (
        "exec:*core.v1.ExecAction httpGet:*core.v1.HTTPGetAction tcpSocket:*core.v1.TCPSocketAction "
        "sleep:*core.v1.SleepAction"
    ),
    "core.v1.LocalObjectReference": "name:string",
    "core.v1.ModifyVolumeStatus": "targetVolumeAttributesClassName:string status!:string",
    "core.v1.NFSVolumeSource": "server!:string path!:string readOnly:bool",
    "core.v1.NodeAffinity": (
        "requiredDuringSchedulingIgnoredDuringExecution:*core.v1.NodeSelector "
        "preferredDuringSchedulingIgnoredDuringExecution:[]core.v1.PreferredSchedulingTerm"
    ),
    "core.v1.NodeSelector": "nodeSelectorTerms!:[]core.v1.NodeSelectorTerm",
    "core.v1.NodeSelectorRequirement": "key!:string operator!:string values:[]string",
    "core.v1.NodeSelectorTerm": (
        "matchExpressions:[]core.v1.NodeSelectorRequirement matchFields:[]core.v1.NodeSelectorRequirement"
    ),
    "core.v1.ObjectFieldSelector": "apiVersion:string fieldPath!:string",
    "core.v1.PersistentVolumeClaim": (
        "kind:string apiVersion:string metadata!:meta.v1.ObjectMeta spec!:core.v1.PersistentVolumeClaimSpec "
        "status!:core.v1.PersistentVolumeClaimStatus"
    ),
    "core.v1.PersistentVolumeClaimCondition": (
        "type!:string status!:string lastProbeTime!:Time lastTransitionTime!:Time reason:string message:string"
    ),
    "core.v1.PersistentVolumeClaimSpec": (
        "accessModes:[]string selector:*meta.v1.LabelSelector resources!:core.v1.VolumeResourceRequirements "
        "volumeName:string storageClassName:*string volumeMode:*string dataSource:*core.v1.TypedLocalObjectReference "
        "dataSourceRef:*core.v1.TypedObjectReference volumeAttributesClassName:*string"
    ),
    "core.v1.PersistentVolumeClaimStatus": (
        "phase:string accessModes:[]string capacity:{}Quantity conditions:[]core.v1.PersistentVolumeClaimCondition "
        "allocatedResources:{}Quantity allocatedResourceStatuses:{}string currentVolumeAttributesClassName:*string "
        "modifyVolumeStatus:*core.v1.ModifyVolumeStatus"
    ),
    "core.v1.PersistentVolumeClaimTemplate": "metadata!:meta.v1.ObjectMeta spec!:core.v1.PersistentVolumeClaimSpec",
    "core.v1.PersistentVolumeClaimVolumeSource": "claimName!:string readOnly:bool",
    "core.v1.PhotonPersistentDiskVolumeSource": "pdID!:string fsType:string",
    "core.v1.PodAffinity": (
        "requiredDuringSchedulingIgnoredDuringExecution:[]core.v1.PodAffinityTerm "
        "preferredDuringSchedulingIgnoredDuringExecution:[]core.v1.WeightedPodAffinityTerm"
    ),
    "core.v1.PodAffinityTerm": (
        "labelSelector:*meta.v1.LabelSelector namespaces:[]string topologyKey!:string "
        "namespaceSelector:*meta.v1.LabelSelector matchLabelKeys:[]string mismatchLabelKeys:[]string"
    ),
    "core.v1.PodAntiAffinity": (
        "requiredDuringSchedulingIgnoredDuringExecution:[]core.v1.PodAffinityTerm "
        "preferredDuringSchedulingIgnoredDuringExecution:[]core.v1.WeightedPodAffinityTerm"
    ),
    "core.v1.PodCertificateProjection": (
        "signerName:string keyType:string maxExpirationSeconds:*int32 credentialBundlePath:string keyPath:string "
        "certificateChainPath:string userAnnotations:{}string"
    ),
    "core.v1.PodDNSConfig": "nameservers:[]string searches:[]string options:[]core.v1.PodDNSConfigOption",
    "core.v1.PodDNSConfigOption": "name:string value:*string",
    "core.v1.PodSecurityContext": (
        "seLinuxOptions:*core.v1.SELinuxOptions windowsOptions:*core.v1.WindowsSecurityContextOptions runAsUser:*int "
        "runAsGroup:*int runAsNonRoot:*bool supplementalGroups:[]int supplementalGroupsPolicy:*string fsGroup:*int "
        "sysctls:[]core.v1.Sysctl fsGroupChangePolicy:*string seccompProfile:*core.v1.SeccompProfile "
        "appArmorProfile:*core.v1.AppArmorProfile seLinuxChangePolicy:*string"
    ),
    "core.v1.PortworxVolumeSource": "volumeID!:string fsType:string readOnly:bool",
    "core.v1.PreferredSchedulingTerm": "weight!:int preference!:core.v1.NodeSelectorTerm",
    "core.v1.Probe": (
        "exec:*core.v1.ExecAction httpGet:*core.v1.HTTPGetAction tcpSocket:*core.v1.TCPSocketAction "
        "grpc:*core.v1.GRPCAction initialDelaySeconds:int32 timeoutSeconds:int32 periodSeconds:int32 successThreshold:int32 "
        "failureThreshold:int32 terminationGracePeriodSeconds:*int"
    ),
    "core.v1.ProjectedVolumeSource": "sources!:[]core.v1.VolumeProjection defaultMode:*int32",
    "core.v1.QuobyteVolumeSource": (
        "registry!:string volume!:string readOnly:bool user:string group:string tenant:string"
    ),
    "core.v1.RBDVolumeSource": (
        "monitors!:[]string image!:string fsType:string pool:string user:string keyring:string "
        "secretRef:*core.v1.LocalObjectReference readOnly:bool"
    ),
    "core.v1.ResourceClaim": "name!:string request:string",
    "core.v1.ResourceFieldSelector": "containerName:string resource!:string divisor!:Quantity",
    "core.v1.ResourceRequirements": "limits:{}Quantity requests:{}Quantity claims:[]core.v1.ResourceClaim",
    "core.v1.SELinuxOptions": "user:string role:string type:string level:string",
    "core.v1.ScaleIOVolumeSource": (
        "gateway!:string system!:string secretRef!:*core.v1.LocalObjectReference sslEnabled:bool "
        "protectionDomain:string storagePool:string storageMode:string volumeName:string fsType:string readOnly:bool"
    ),
    "core.v1.SeccompProfile": "type!:string localhostProfile:*string",
    "core.v1.SecretEnvSource": "name:string optional:*bool",
    "core.v1.SecretKeySelector": "name:string key!:string optional:*bool",
    "core.v1.SecretProjection": "name:string items:[]core.v1.KeyToPath optional:*bool",
    "core.v1.SecretVolumeSource": "secretName:string items:[]core.v1.KeyToPath defaultMode:*int32 optional:*bool",
    "core.v1.SecurityContext": (
        "capabilities:*core.v1.Capabilities privileged:*bool seLinuxOptions:*core.v1.SELinuxOptions "
        "windowsOptions:*core.v1.WindowsSecurityContextOptions runAsUser:*int runAsGroup:*int runAsNonRoot:*bool "
        "readOnlyRootFilesystem:*bool allowPrivilegeEscalation:*bool procMount:*string "
        "seccompProfile:*core.v1.SeccompProfile appArmorProfile:*core.v1.AppArmorProfile"
    ),
    "core.v1.ServiceAccountTokenProjection": "audience:string expirationSeconds:*int path!:string",
    "core.v1.SleepAction": "seconds!:int",
    "core.v1.StorageOSVolumeSource": (
        "volumeName:string volumeNamespace:string fsType:string readOnly:bool secretRef:*core.v1.LocalObjectReference"
    ),
    "core.v1.Sysctl": "name!:string value!:string",
    "core.v1.TCPSocketAction": "port!:IntOrString host:string",
    "core.v1.Toleration": "key:string operator:string value:string effect:string tolerationSeconds:*int",
    "core.v1.TopologySpreadConstraint": (
        "maxSkew!:int topologyKey!:string whenUnsatisfiable!:string labelSelector:*meta.v1.LabelSelector "
        "minDomains:*int nodeAffinityPolicy:*string nodeTaintsPolicy:*string matchLabelKeys:[]string"
    ),
    "core.v1.TypedLocalObjectReference": "apiGroup!:*string kind!:string name!:string",
    "core.v1.TypedObjectReference": "apiGroup!:*string kind!:string name!:string namespace:*string",
    "core.v1.Volume": (
        "name!:string hostPath:*core.v1.HostPathVolumeSource emptyDir:*core.v1.EmptyDirVolumeSource "
        "gcePersistentDisk:*core.v1.GCEPersistentDiskVolumeSource "
        "awsElasticBlockStore:*core.v1.AWSElasticBlockStoreVolumeSource gitRepo:*core.v1.GitRepoVolumeSource "
        "secret:*core.v1.SecretVolumeSource nfs:*core.v1.NFSVolumeSource iscsi:*core.v1.ISCSIVolumeSource "
        "glusterfs:*core.v1.GlusterfsVolumeSource persistentVolumeClaim:*core.v1.PersistentVolumeClaimVolumeSource "
        "rbd:*core.v1.RBDVolumeSource flexVolume:*core.v1.FlexVolumeSource cinder:*core.v1.CinderVolumeSource "
        "cephfs:*core.v1.CephFSVolumeSource flocker:*core.v1.FlockerVolumeSource "
        "downwardAPI:*core.v1.DownwardAPIVolumeSource fc:*core.v1.FCVolumeSource "
        "azureFile:*core.v1.AzureFileVolumeSource configMap:*core.v1.ConfigMapVolumeSource "
        "vsphereVolume:*core.v1.VsphereVirtualDiskVolumeSource quobyte:*core.v1.QuobyteVolumeSource "
        "azureDisk:*core.v1.AzureDiskVolumeSource photonPersistentDisk:*core.v1.PhotonPersistentDiskVolumeSource "
        "projected:*core.v1.ProjectedVolumeSource portworxVolume:*core.v1.PortworxVolumeSource "
        "scaleIO:*core.v1.ScaleIOVolumeSource storageos:*core.v1.StorageOSVolumeSource csi:*core.v1.CSIVolumeSource "
        "ephemeral:*core.v1.EphemeralVolumeSource image:*core.v1.ImageVolumeSource"
    ),
    "core.v1.VolumeDevice": "name!:string devicePath!:string",
    "core.v1.VolumeMount": (
        "name!:string readOnly:bool recursiveReadOnly:*string mountPath!:string subPath:string "
        "mountPropagation:*string subPathExpr:string"
    ),
    "core.v1.VolumeProjection": (
        "secret:*core.v1.SecretProjection downwardAPI:*core.v1.DownwardAPIProjection "
        "configMap:*core.v1.ConfigMapProjection serviceAccountToken:*core.v1.ServiceAccountTokenProjection "
        "clusterTrustBundle:*core.v1.ClusterTrustBundleProjection podCertificate:*core.v1.PodCertificateProjection"
    ),
    "core.v1.VolumeResourceRequirements": "limits:{}Quantity requests:{}Quantity",
    "core.v1.VsphereVirtualDiskVolumeSource": (
        "volumePath!:string fsType:string storagePolicyName:string storagePolicyID:string"
    ),
    "core.v1.WeightedPodAffinityTerm": "weight!:int podAffinityTerm!:core.v1.PodAffinityTerm",
    "core.v1.WindowsSecurityContextOptions": (
        "gmsaCredentialSpecName:*string gmsaCredentialSpec:*string runAsUserName:*string hostProcess:*bool"
    ),
    "meta.v1.LabelSelector": "matchLabels:{}string matchExpressions:[]meta.v1.LabelSelectorRequirement",
    "meta.v1.LabelSelectorRequirement": "key!:string operator!:string values:[]string",
    "meta.v1.ManagedFieldsEntry": (
        "manager:string operation:string apiVersion:string time:*Time fieldsType:string fieldsV1:*RawJSON "
        "subresource:string"
    ),
    "meta.v1.ObjectMeta": (
        "name:string generateName:string namespace:string selfLink:string uid:string resourceVersion:string "
        "generation:int creationTimestamp:Time deletionTimestamp:*Time deletionGracePeriodSeconds:*int "
        "labels:{}string annotations:{}string ownerReferences:[]meta.v1.OwnerReference finalizers:[]string "
        "managedFields:[]meta.v1.ManagedFieldsEntry"
    ),
    "meta.v1.OwnerReference": (
        "apiVersion!:string kind!:string name!:string uid!:string controller:*bool blockOwnerDeletion:*bool"
    ),
    "pod.Template": (
        "nodeSelector:{}string env:[]core.v1.EnvVar tolerations:[]core.v1.Toleration affinity:*core.v1.Affinity "
        "securityContext:*core.v1.PodSecurityContext volumes:[]core.v1.Volume runtimeClassName:*string "
        "automountServiceAccountToken:*bool dnsPolicy:*string dnsConfig:*core.v1.PodDNSConfig "
        "enableServiceLinks:*bool priorityClassName:*string schedulerName:string "
        "imagePullSecrets:[]core.v1.LocalObjectReference hostAliases:[]core.v1.HostAlias hostNetwork:bool "
        "hostUsers:*bool topologySpreadConstraints:[]core.v1.TopologySpreadConstraint"
    ),
    "v1.Artifact": "name:string values:[]v1.ArtifactValue buildOutput:bool",
    "v1.ArtifactValue": "digest:{}string uri:string",
    "v1.Artifacts": "inputs:[]v1.Artifact outputs:[]v1.Artifact",
    "v1.ChildStatusReference": (
        "apiVersion:string kind:string name:string displayName:string pipelineTaskName:string "
        "whenExpressions:[]v1.WhenExpression"
    ),
    "v1.EmbeddedTask": (
        "apiVersion:string kind:string spec!:RawJSON metadata!:v1.PipelineTaskMetadata params:[]v1.ParamSpec "
        "displayName:string description:string steps:[]v1.Step volumes:[]core.v1.Volume stepTemplate:*v1.StepTemplate "
        "sidecars:[]v1.Sidecar workspaces:[]v1.WorkspaceDeclaration results:[]v1.TaskResult"
    ),
    "v1.IncludeParams": "name:string params:[]v1.Param",
    "v1.Matrix": "params:[]v1.Param include:[]v1.IncludeParams",
    "v1.Param": "name!:string value!:ParamValue",
    "v1.ParamSpec": (
        "name!:string type:string description:string properties:{}v1.PropertySpec default:*ParamValue enum:[]string"
    ),
    "v1.PipelineRef": "name:string apiVersion:string resolver:string params:[]v1.Param",
    "v1.PipelineResult": "name!:string type:string description!:string value!:ParamValue",
    "v1.PipelineRun": (
        "kind:string apiVersion:string metadata!:meta.v1.ObjectMeta spec!:v1.PipelineRunSpec "
        "status!:v1.PipelineRunStatus"
    ),
    "v1.PipelineRunResult": "name!:string value!:ParamValue",
    "v1.PipelineRunSpec": (
        "pipelineRef:*v1.PipelineRef pipelineSpec:*v1.PipelineSpec params:[]v1.Param status:string "
        "timeouts:*v1.TimeoutFields taskRunTemplate!:v1.PipelineTaskRunTemplate workspaces:[]v1.WorkspaceBinding "
        "taskRunSpecs:[]v1.PipelineTaskRunSpec managedBy:*string"
    ),
    "v1.PipelineRunStatus": (
        "observedGeneration:int conditions:[]apis.Condition annotations:{}string startTime:*Time completionTime:*Time "
        "results:[]v1.PipelineRunResult pipelineSpec:*v1.PipelineSpec skippedTasks:[]v1.SkippedTask "
        "childReferences:[]v1.ChildStatusReference finallyStartTime:*Time provenance:*v1.Provenance "
        "spanContext:{}string"
    ),
    "v1.PipelineSpec": (
        "displayName:string description:string tasks:[]v1.PipelineTask params:[]v1.ParamSpec "
        "workspaces:[]v1.PipelineWorkspaceDeclaration results:[]v1.PipelineResult finally:[]v1.PipelineTask"
    ),
    "v1.PipelineTask": (
        "name:string displayName:string description:string taskRef:*v1.TaskRef taskSpec:*v1.EmbeddedTask "
        "when:[]v1.WhenExpression retries:int runAfter:[]string params:[]v1.Param matrix:*v1.Matrix "
        "workspaces:[]v1.WorkspacePipelineTaskBinding timeout:*Duration pipelineRef:*v1.PipelineRef "
        "pipelineSpec:*v1.PipelineSpec onError:string"
    ),
    "v1.PipelineTaskMetadata": "labels:{}string annotations:{}string",
    "v1.PipelineTaskRunSpec": (
        "pipelineTaskName:string serviceAccountName:string podTemplate:*pod.Template stepSpecs:[]v1.TaskRunStepSpec "
        "sidecarSpecs:[]v1.TaskRunSidecarSpec metadata:*v1.PipelineTaskMetadata "
        "computeResources:*core.v1.ResourceRequirements timeout:*Duration"
    ),
    "v1.PipelineTaskRunTemplate": "podTemplate:*pod.Template serviceAccountName:string",
    "v1.PipelineWorkspaceDeclaration": "name!:string description:string optional:bool",
    "v1.PropertySpec": "type:string",
    "v1.Provenance": "refSource:*v1.RefSource featureFlags:*config.FeatureFlags",
    "v1.Ref": "name:string resolver:string params:[]v1.Param",
    "v1.RefSource": "uri:string digest:{}string entryPoint:string",
    "v1.Sidecar": (
        "name!:string image:string command:[]string args:[]string workingDir:string ports:[]core.v1.ContainerPort "
        "envFrom:[]core.v1.EnvFromSource env:[]core.v1.EnvVar computeResources!:core.v1.ResourceRequirements "
        "volumeMounts:[]core.v1.VolumeMount volumeDevices:[]core.v1.VolumeDevice livenessProbe:*core.v1.Probe "
        "readinessProbe:*core.v1.Probe startupProbe:*core.v1.Probe lifecycle:*core.v1.Lifecycle "
        "terminationMessagePath:string terminationMessagePolicy:string imagePullPolicy:string "
        "securityContext:*core.v1.SecurityContext stdin:bool stdinOnce:bool tty:bool script:string "
        "workspaces:[]v1.WorkspaceUsage restartPolicy:*string"
    ),
    "v1.SidecarState": (
        "waiting:*core.v1.ContainerStateWaiting running:*core.v1.ContainerStateRunning "
        "terminated:*core.v1.ContainerStateTerminated name:string container:string imageID:string"
    ),
    "v1.SkippedTask": "name!:string reason!:string whenExpressions:[]v1.WhenExpression",
    "v1.Step": (
        "name!:string displayName:string image:string command:[]string args:[]string workingDir:string "
        "envFrom:[]core.v1.EnvFromSource env:[]core.v1.EnvVar computeResources!:core.v1.ResourceRequirements "
        "volumeMounts:[]core.v1.VolumeMount volumeDevices:[]core.v1.VolumeDevice imagePullPolicy:string "
        "securityContext:*core.v1.SecurityContext script:string timeout:*Duration workspaces:[]v1.WorkspaceUsage "
        "onError:string stdoutConfig:*v1.StepOutputConfig stderrConfig:*v1.StepOutputConfig ref:*v1.Ref "
        "params:[]v1.Param results:[]v1.StepResult when:[]v1.WhenExpression"
    ),
    "v1.StepOutputConfig": "path:string",
    "v1.StepResult": "name!:string type:string properties:{}v1.PropertySpec description:string",
    "v1.StepState": (
        "waiting:*core.v1.ContainerStateWaiting running:*core.v1.ContainerStateRunning "
        "terminated:*core.v1.ContainerStateTerminated name:string container:string imageID:string "
        "results:[]v1.TaskRunResult provenance:*v1.Provenance terminationReason:string inputs:[]v1.Artifact "
        "outputs:[]v1.Artifact"
    ),
    "v1.StepTemplate": (
        "image:string command:[]string args:[]string workingDir:string envFrom:[]core.v1.EnvFromSource "
        "env:[]core.v1.EnvVar computeResources!:core.v1.ResourceRequirements volumeMounts:[]core.v1.VolumeMount "
        "volumeDevices:[]core.v1.VolumeDevice imagePullPolicy:string securityContext:*core.v1.SecurityContext"
    ),
    "v1.TaskBreakpoints": "onFailure:string beforeSteps:[]string",
    "v1.TaskRef": "name:string kind:string apiVersion:string resolver:string params:[]v1.Param",
    "v1.TaskResult": "name!:string type:string properties:{}v1.PropertySpec description:string value:*ParamValue",
    "v1.TaskRun": (
        "kind:string apiVersion:string metadata!:meta.v1.ObjectMeta spec!:v1.TaskRunSpec status!:v1.TaskRunStatus"
    ),
    "v1.TaskRunDebug": "breakpoints:*v1.TaskBreakpoints",
    "v1.TaskRunResult": "name!:string type:string value!:ParamValue",
    "v1.TaskRunSidecarSpec": "name!:string computeResources!:core.v1.ResourceRequirements",
    "v1.TaskRunSpec": (
        "debug:*v1.TaskRunDebug params:[]v1.Param serviceAccountName!:string taskRef:*v1.TaskRef "
        "taskSpec:*v1.TaskSpec status:string statusMessage:string retries:int timeout:*Duration "
        "podTemplate:*pod.Template workspaces:[]v1.WorkspaceBinding stepSpecs:[]v1.TaskRunStepSpec "
        "sidecarSpecs:[]v1.TaskRunSidecarSpec computeResources:*core.v1.ResourceRequirements managedBy:*string"
    ),
    "v1.TaskRunStatus": (
        "observedGeneration:int conditions:[]apis.Condition annotations:{}string podName!:string startTime:*Time "
        "completionTime:*Time steps:[]v1.StepState retriesStatus:[]v1.TaskRunStatus results:[]v1.TaskRunResult "
        "artifacts:*v1.Artifacts sidecars:[]v1.SidecarState taskSpec:*v1.TaskSpec provenance:*v1.Provenance "
        "spanContext:{}string"
    ),
    "v1.TaskRunStepSpec": "name!:string computeResources!:core.v1.ResourceRequirements",
    "v1.TaskSpec": (
        "params:[]v1.ParamSpec displayName:string description:string steps:[]v1.Step volumes:[]core.v1.Volume "
        "stepTemplate:*v1.StepTemplate sidecars:[]v1.Sidecar workspaces:[]v1.WorkspaceDeclaration "
        "results:[]v1.TaskResult"
    ),
    "v1.TimeoutFields": "pipeline:*Duration tasks:*Duration finally:*Duration",
    "v1.WhenExpression": "input:string operator:string values:[]string cel:string",
    "v1.WorkspaceBinding": (
        "name!:string subPath:string volumeClaimTemplate:*core.v1.PersistentVolumeClaim "
        "persistentVolumeClaim:*core.v1.PersistentVolumeClaimVolumeSource emptyDir:*core.v1.EmptyDirVolumeSource "
        "configMap:*core.v1.ConfigMapVolumeSource secret:*core.v1.SecretVolumeSource "
        "projected:*core.v1.ProjectedVolumeSource csi:*core.v1.CSIVolumeSource"
    ),
    "v1.WorkspaceDeclaration": "name!:string description:string mountPath:string readOnly:bool optional:bool",
    "v1.WorkspacePipelineTaskBinding": "name!:string workspace:string subPath:string",
    "v1.WorkspaceUsage": "name!:string mountPath!:string",
}
