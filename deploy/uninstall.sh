#!/usr/bin/env bash
# Removes Sealwright from the cluster of the current context, so that no run stays behind with a finalizer that nobody takes off.
# What stays: the namespace with chains-config, signing-secrets and the other Secrets in it, and the marks on the runs.
#   deploy/uninstall.sh [FOLDER]    FOLDER: what was applied instead of deploy/, such as deploy/overlays/openshift
# Not for going back to Chains, whose finalizers have the same names: apply its release instead.
set -euo pipefail
applied="${1:-"$(cd "$(dirname "$0")" && pwd)"}"
[ -f "$applied/kustomization.yaml" ] || { echo "uninstall.sh: no kustomization.yaml in $applied" >&2; exit 2; }

# One line for each finalizer of ours or of an older Chains: namespace, kind, name, its place, itself.
held() {
  kubectl get taskruns.tekton.dev,pipelineruns.tekton.dev --all-namespaces --ignore-not-found -o go-template='{{range .items}}{{$run := .}}
{{- range $place, $name := .metadata.finalizers}}
{{- if or (eq $name "chains.tekton.dev") (eq $name "chains.tekton.dev/taskrun") (eq $name "chains.tekton.dev/pipelinerun")}}
{{- $run.metadata.namespace}} {{$run.kind}}.tekton.dev {{$run.metadata.name}} {{$place}} {{$name}}
{{end}}{{end}}{{end}}'
}

# The test makes a patch fail that would remove something else; the next round reads anew. A run may be gone, or be the last to go.
release() {
  local path="/metadata/finalizers/$4"
  kubectl patch --namespace "$1" "$2" "$3" --type=json \
    --patch "[{\"op\": \"test\", \"path\": \"$path\", \"value\": \"$5\"}, {\"op\": \"remove\", \"path\": \"$path\"}]" > /dev/null 2>&1 || true
}
export -f release

kubectl delete -k "$applied" --ignore-not-found --selector app.kubernetes.io/name=controller
kubectl wait pod --all-namespaces --selector app=tekton-chains-controller --for=delete --timeout=2m
for _ in 1 2 3 4 5 6 7 8 9 10; do
  found="$(held)"
  [ -n "$found" ] || break
  echo "Taking off $(wc -l <<< "$found") finalizers ..."
  xargs -P 4 -L 1 bash -c 'release "$@"' release <<< "$found"
done
[ -z "$(held)" ] || { echo "uninstall.sh: finalizers are left; nothing else was removed. Run it again as a cluster admin." >&2; exit 1; }
kubectl delete -k "$applied" --ignore-not-found --selector 'sealwright.dev/kept!=true'
