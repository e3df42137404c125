// tekton answers questions with Tekton's own code: which bytes of a resource are signed, whether a policy accepts it, and
// whether a pattern matches. One JSON question a line on standard input, one JSON answer a line on standard output.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/tektoncd/pipeline/pkg/apis/config"
	v1 "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1alpha1"
	"github.com/tektoncd/pipeline/pkg/apis/pipeline/v1beta1"
	v1beta1resolution "github.com/tektoncd/pipeline/pkg/apis/resolution/v1beta1"
	"github.com/tektoncd/pipeline/pkg/client/clientset/versioned/scheme"
	resolution "github.com/tektoncd/pipeline/pkg/resolution/resource"
	"github.com/tektoncd/pipeline/pkg/trustedresources"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"
)

type question struct {
	Ask      string   `json:"ask"`
	Document string   `json:"document"`
	Policies []string `json:"policies"`
	NoMatch  string   `json:"noMatch"`
	Pattern  string   `json:"pattern"`
	Key      string   `json:"key"`
	URI      string   `json:"uri"`
}

type answer struct {
	Body  string `json:"body"`
	Error string `json:"error"`
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked question
		if err := json.Unmarshal(line, &asked); err != nil {
			panic(err)
		}
		body, err := reply(asked)
		told := answer{Body: body}
		if err != nil {
			told.Error = err.Error()
		}
		if err := out.Encode(told); err != nil {
			panic(err)
		}
	}
}

func reply(asked question) (string, error) {
	switch asked.Ask {
	case "controller":
		resource, err := strict(asked.Document)
		if err != nil {
			return "", err
		}
		return checked(resource)
	case "tkn":
		return lenient(asked.Document)
	case "verify":
		return verify(asked)
	case "sign":
		return sign(asked)
	case "name":
		return named(asked)
	case "match":
		matched, err := regexp.MatchString(asked.Pattern, asked.URI)
		return fmt.Sprint(matched), err
	}
	return "", errors.New("no such question")
}

// What the controller hashes: its types' Checksum tells the sum alone, so the bytes are built again and compared with it.
func checked(resource metav1.Object) (string, error) {
	kept := metav1.ObjectMeta{
		Name: resource.GetName(), GenerateName: resource.GetGenerateName(), Namespace: resource.GetNamespace(),
		Labels: resource.GetLabels(), Annotations: map[string]string{},
	}
	for key, value := range resource.GetAnnotations() {
		switch key {
		case "tekton.dev/signature", "kubectl.kubernetes.io/last-applied-configuration", "kubectl-client-side-apply":
		default:
			kept.Annotations[key] = value
		}
	}
	type meta = metav1.TypeMeta
	var rebuilt any
	switch found := resource.(type) {
	case *v1.Task:
		rebuilt = v1.Task{TypeMeta: meta{Kind: "Task", APIVersion: "tekton.dev/v1"}, ObjectMeta: kept, Spec: found.Spec}
	case *v1.Pipeline:
		rebuilt = v1.Pipeline{TypeMeta: meta{Kind: "Pipeline", APIVersion: "tekton.dev/v1"}, ObjectMeta: kept, Spec: found.Spec}
	case *v1beta1.Task:
		rebuilt = v1beta1.Task{TypeMeta: meta{Kind: "Task", APIVersion: "tekton.dev/v1beta1"}, ObjectMeta: kept, Spec: found.Spec}
	case *v1beta1.Pipeline:
		rebuilt = v1beta1.Pipeline{TypeMeta: meta{Kind: "Pipeline", APIVersion: "tekton.dev/v1beta1"}, ObjectMeta: kept, Spec: found.Spec}
	case *v1beta1.StepAction:
		rebuilt = v1beta1.StepAction{TypeMeta: meta{Kind: "StepAction", APIVersion: "tekton.dev/v1beta1"}, ObjectMeta: kept, Spec: found.Spec}
	default:
		return "", fmt.Errorf("not a resource: %T", resource)
	}
	body, err := json.Marshal(rebuilt)
	if err != nil {
		return "", err
	}
	if sum, err := resource.(trustedresources.Hashable).Checksum(); err != nil || sha256.Sum256(body) != [32]byte(sum) {
		return "", fmt.Errorf("not the bytes that Tekton hashes: %w", err)
	}
	return string(body), nil
}

func strict(document string) (metav1.Object, error) {
	codecs := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict)
	object, _, err := codecs.UniversalDeserializer().Decode([]byte(document), nil, nil)
	if err != nil {
		return nil, err
	}
	if defaulted, ok := object.(interface{ SetDefaults(context.Context) }); ok {
		defaulted.SetDefaults(context.Background())
	}
	resource, ok := object.(metav1.Object)
	if !ok {
		return nil, fmt.Errorf("not a resource: %T", object)
	}
	return resource, nil
}

// What Tekton's command line signs: its v1beta1 view of the file, less the signature.
func lenient(document string) (string, error) {
	var head metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(document), &head); err != nil {
		return "", err
	}
	var object metav1.Object = &v1beta1.Task{}
	if head.Kind == "Pipeline" {
		object = &v1beta1.Pipeline{}
	}
	if err := yaml.Unmarshal([]byte(document), object); err != nil {
		return "", err
	}
	annotations := object.GetAnnotations()
	delete(annotations, "tekton.dev/signature")
	object.SetAnnotations(annotations)
	body, err := json.Marshal(object)
	return string(body), err
}

// The annotation, as sigstore's library makes it for Tekton.
func sign(asked question) (string, error) {
	resource, err := strict(asked.Document)
	if err != nil {
		return "", err
	}
	sum, err := resource.(trustedresources.Hashable).Checksum()
	if err != nil {
		return "", err
	}
	key, err := cryptoutils.UnmarshalPEMToPrivateKey([]byte(asked.Key), cryptoutils.SkipPassword)
	if err != nil {
		return "", err
	}
	signer, err := signature.LoadSigner(key, crypto.SHA256)
	if err != nil {
		return "", err
	}
	made, err := signer.SignMessage(bytes.NewReader(sum))
	return base64.StdEncoding.EncodeToString(made), err
}

// The name of the record of what a resolver answered for a TaskRun.
func named(asked question) (string, error) {
	run := &v1.TaskRun{}
	if err := yaml.Unmarshal([]byte(asked.Document), run); err != nil {
		return "", err
	}
	reference := run.Spec.TaskRef
	spec := &v1beta1resolution.ResolutionRequestSpec{Params: reference.Params}
	if v1.RefNameLikeUrl(reference.Name) == nil {
		spec.URL = reference.Name
	}
	name, _, err := resolution.GetNameAndNamespace(string(reference.Resolver), run, "", "", spec)
	return name, err
}

func verify(asked question) (string, error) {
	resource, err := strict(asked.Document)
	if err != nil {
		return "", err
	}
	var policies []*v1alpha1.VerificationPolicy
	for _, text := range asked.Policies {
		policy := &v1alpha1.VerificationPolicy{}
		if err := yaml.Unmarshal([]byte(text), policy); err != nil {
			return "", err
		}
		policies = append(policies, policy)
	}
	flags := &config.FeatureFlags{VerificationNoMatchPolicy: asked.NoMatch}
	ctx := config.ToContext(context.Background(), &config.Config{FeatureFlags: flags})
	found := trustedresources.VerifyResource(ctx, resource, nil, &v1.RefSource{URI: asked.URI}, policies)
	word := map[trustedresources.VerificationResultType]string{0: "skip", 1: "pass", 2: "warn", 3: "fail"}[found.VerificationResultType]
	if found.Err != nil {
		return word + ": " + found.Err.Error(), nil
	}
	return word, nil
}
