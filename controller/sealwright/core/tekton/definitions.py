"""Tekton's Tasks, Pipelines and StepActions as Go structs: facts of Tekton Pipelines v1.15.0, written as `schema.py` says.

A v1beta1 struct that has the same members as its v1 twin is that twin here.
"""

# fmt: off
DEFINITIONS: dict[str, str] = {
    "v1.Pipeline": "kind:string apiVersion:string metadata!:meta.v1.ObjectMeta spec!:v1.PipelineSpec",
    "v1.Task": "kind:string apiVersion:string metadata!:meta.v1.ObjectMeta spec!:v1.TaskSpec",
    "v1beta1.EmbeddedTask": (
        "apiVersion:string kind:string spec!:RawJSON metadata!:v1.PipelineTaskMetadata "
        "resources:*v1beta1.TaskResources params:[]v1.ParamSpec displayName:string description:string "
        "steps:[]v1beta1.Step volumes:[]core.v1.Volume stepTemplate:*v1beta1.StepTemplate sidecars:[]v1beta1.Sidecar "
        "workspaces:[]v1.WorkspaceDeclaration results:[]v1.TaskResult"
    ),
    "v1beta1.Pipeline": "kind:string apiVersion:string metadata!:meta.v1.ObjectMeta spec!:v1beta1.PipelineSpec",
    "v1beta1.PipelineDeclaredResource": "name!:string type!:string optional:bool",
    "v1beta1.PipelineRef": "name:string apiVersion:string bundle:string resolver:string params:[]v1.Param",
    "v1beta1.PipelineSpec": (
        "displayName:string description:string resources:[]v1beta1.PipelineDeclaredResource "
        "tasks:[]v1beta1.PipelineTask params:[]v1.ParamSpec workspaces:[]v1.PipelineWorkspaceDeclaration "
        "results:[]v1.PipelineResult finally:[]v1beta1.PipelineTask"
    ),
    "v1beta1.PipelineTask": (
        "name:string displayName:string description:string taskRef:*v1beta1.TaskRef taskSpec:*v1beta1.EmbeddedTask "
        "when:[]v1.WhenExpression retries:int runAfter:[]string resources:*v1beta1.PipelineTaskResources "
        "params:[]v1.Param matrix:*v1.Matrix workspaces:[]v1.WorkspacePipelineTaskBinding timeout:*Duration "
        "pipelineRef:*v1beta1.PipelineRef pipelineSpec:*v1beta1.PipelineSpec onError:string"
    ),
    "v1beta1.PipelineTaskInputResource": "name!:string resource!:string from:[]string",
    "v1beta1.PipelineTaskOutputResource": "name!:string resource!:string",
    "v1beta1.PipelineTaskResources": (
        "inputs:[]v1beta1.PipelineTaskInputResource outputs:[]v1beta1.PipelineTaskOutputResource"
    ),
    "v1beta1.Sidecar": (
        "name!:string image:string command:[]string args:[]string workingDir:string ports:[]core.v1.ContainerPort "
        "envFrom:[]core.v1.EnvFromSource env:[]core.v1.EnvVar resources!:core.v1.ResourceRequirements "
        "volumeMounts:[]core.v1.VolumeMount volumeDevices:[]core.v1.VolumeDevice livenessProbe:*core.v1.Probe "
        "readinessProbe:*core.v1.Probe startupProbe:*core.v1.Probe lifecycle:*core.v1.Lifecycle "
        "terminationMessagePath:string terminationMessagePolicy:string imagePullPolicy:string "
        "securityContext:*core.v1.SecurityContext stdin:bool stdinOnce:bool tty:bool script:string "
        "workspaces:[]v1.WorkspaceUsage restartPolicy:*string"
    ),
    "v1beta1.Step": (
        "name!:string displayName:string image:string command:[]string args:[]string workingDir:string "
        "ports:[]core.v1.ContainerPort envFrom:[]core.v1.EnvFromSource env:[]core.v1.EnvVar "
        "resources!:core.v1.ResourceRequirements volumeMounts:[]core.v1.VolumeMount "
        "volumeDevices:[]core.v1.VolumeDevice livenessProbe:*core.v1.Probe readinessProbe:*core.v1.Probe "
        "startupProbe:*core.v1.Probe lifecycle:*core.v1.Lifecycle terminationMessagePath:string "
        "terminationMessagePolicy:string imagePullPolicy:string securityContext:*core.v1.SecurityContext stdin:bool "
        "stdinOnce:bool tty:bool script:string timeout:*Duration workspaces:[]v1.WorkspaceUsage onError:string "
        "stdoutConfig:*v1.StepOutputConfig stderrConfig:*v1.StepOutputConfig ref:*v1.Ref params:[]v1.Param "
        "results:[]v1.StepResult when:[]v1.WhenExpression"
    ),
    "v1beta1.StepAction": "kind:string apiVersion:string metadata!:meta.v1.ObjectMeta spec!:v1beta1.StepActionSpec",
    "v1beta1.StepActionSpec": (
        "description:string image:string command:[]string args:[]string env:[]core.v1.EnvVar script:string "
        "workingDir:string params:[]v1.ParamSpec results:[]v1.StepResult securityContext:*core.v1.SecurityContext "
        "volumeMounts:[]core.v1.VolumeMount"
    ),
    "v1beta1.StepTemplate": (
        "name:string image:string command:[]string args:[]string workingDir:string ports:[]core.v1.ContainerPort "
        "envFrom:[]core.v1.EnvFromSource env:[]core.v1.EnvVar resources!:core.v1.ResourceRequirements "
        "volumeMounts:[]core.v1.VolumeMount volumeDevices:[]core.v1.VolumeDevice livenessProbe:*core.v1.Probe "
        "readinessProbe:*core.v1.Probe startupProbe:*core.v1.Probe lifecycle:*core.v1.Lifecycle "
        "terminationMessagePath:string terminationMessagePolicy:string imagePullPolicy:string "
        "securityContext:*core.v1.SecurityContext stdin:bool stdinOnce:bool tty:bool"
    ),
    "v1beta1.Task": "kind:string apiVersion:string metadata!:meta.v1.ObjectMeta spec!:v1beta1.TaskSpec",
    "v1beta1.TaskRef": "name:string kind:string apiVersion:string bundle:string resolver:string params:[]v1.Param",
    "v1beta1.TaskResource": "name!:string type!:string description:string targetPath:string optional:bool",
    "v1beta1.TaskResources": "inputs:[]v1beta1.TaskResource outputs:[]v1beta1.TaskResource",
    "v1beta1.TaskSpec": (
        "resources:*v1beta1.TaskResources params:[]v1.ParamSpec displayName:string description:string "
        "steps:[]v1beta1.Step volumes:[]core.v1.Volume stepTemplate:*v1beta1.StepTemplate sidecars:[]v1beta1.Sidecar "
        "workspaces:[]v1.WorkspaceDeclaration results:[]v1.TaskResult"
    ),
}

# What Tekton Pipelines before v1.10 (Kubernetes' libraries before 0.34) wrote and knew otherwise.
LEGACY: dict[str, dict[str, str]] = {
    "meta.v1.ObjectMeta": {"creationTimestamp:Time": "creationTimestamp!:Time"},
    "v1beta1.StepTemplate": {"name:string": "name!:string"},
    "core.v1.EnvVarSource": {" fileKeyRef:*core.v1.FileKeySelector": ""},
    "core.v1.VolumeProjection": {" podCertificate:*core.v1.PodCertificateProjection": ""},
}

# Members of structs that Go embeds: Tekton's command line does not see through them when it turns numbers into text.
EMBEDDED: dict[str, frozenset[str]] = {
    "core.v1.ConfigMapEnvSource": frozenset({"name"}),
    "core.v1.ConfigMapKeySelector": frozenset({"name"}),
    "core.v1.ConfigMapProjection": frozenset({"name"}),
    "core.v1.ConfigMapVolumeSource": frozenset({"name"}),
    "core.v1.Probe": frozenset({"exec", "httpGet", "tcpSocket", "grpc"}),
    "core.v1.SecretEnvSource": frozenset({"name"}),
    "core.v1.SecretKeySelector": frozenset({"name"}),
    "core.v1.SecretProjection": frozenset({"name"}),
    "v1beta1.Pipeline": frozenset({"kind", "apiVersion"}),
    "v1beta1.PipelineRef": frozenset({"resolver", "params"}),
    "v1.Ref": frozenset({"resolver", "params"}),
    "v1beta1.Task": frozenset({"kind", "apiVersion"}),
    "v1beta1.TaskRef": frozenset({"resolver", "params"}),
    "v1beta1.TaskResource": frozenset({"name", "type", "description", "targetPath"}),
}
# Those which embed all but these.
EMBEDDING: dict[str, frozenset[str]] = {
    "core.v1.Volume": frozenset({"name"}),
    "v1beta1.EmbeddedTask": frozenset({"spec", "metadata"}),
}
