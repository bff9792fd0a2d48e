package externalmetrics

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/pflag"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/metrics/legacyregistry"
	openapicommon "k8s.io/kube-openapi/pkg/common"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/apiserver"
	apimetrics "sigs.k8s.io/custom-metrics-apiserver/pkg/apiserver/metrics"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/cmd/options"
	generatedcore "sigs.k8s.io/custom-metrics-apiserver/pkg/generated/openapi/core"
	generatedexternalmetrics "sigs.k8s.io/custom-metrics-apiserver/pkg/generated/openapi/externalmetrics"
)

// ServerName is the name of the API server in its logs and its OpenAPI document.
const ServerName = "prescale-adapter"

// ServerOptions configure the APIService: its address and certificates, and how it asks the
// Kubernetes API server who a client is and what it may do.
type ServerOptions struct {
	*options.CustomMetricsAdapterServerOptions
	// Standalone serves without a Kubernetes cluster: nobody is asked who a client is, so only a
	// loopback address may be served.
	Standalone bool
}

// NewServerOptions returns the defaults of the API server library: port 443, and self-signed
// certificates in apiserver.local.config unless others are given.
func NewServerOptions() *ServerOptions {
	return &ServerOptions{CustomMetricsAdapterServerOptions: options.NewCustomMetricsAdapterServerOptions()}
}

// AddFlags adds the flags of the API server library and our own.
func (o *ServerOptions) AddFlags(flags *pflag.FlagSet) {
	o.CustomMetricsAdapterServerOptions.AddFlags(flags)
	flags.BoolVar(&o.Standalone, "standalone", o.Standalone,
		"serve on a loopback address without a Kubernetes cluster and without authentication, to try things out")
}

// Validate reports options that do not go together.
func (o *ServerOptions) Validate() error {
	errs := o.CustomMetricsAdapterServerOptions.Validate()
	if o.Standalone && !o.SecureServing.BindAddress.IsLoopback() {
		errs = append(errs, fmt.Errorf("--standalone serves anybody who asks, so --bind-address must be a loopback address such as 127.0.0.1, not %s", o.SecureServing.BindAddress))
	}
	return errors.Join(errs...)
}

// Server is the APIService.
type Server struct {
	server *apiserver.CustomMetricsAdapterServer
}

// NewServer listens and prepares the APIService. The client configuration is that of the cluster; it is
// not used in standalone mode.
func NewServer(o *ServerOptions, client *rest.Config, p *Provider, c *Collector) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	config := genericapiserver.NewRecommendedConfig(apiserver.Codecs)
	config.ClientConfig = client
	if o.Standalone {
		o.Authentication, o.Authorization = nil, nil
		config.ClientConfig = &rest.Config{} // the library wants one and does not use it
	}
	definitions := func(ref openapicommon.ReferenceCallback) map[string]openapicommon.OpenAPIDefinition {
		all := generatedcore.GetOpenAPIDefinitions(ref)
		for name, definition := range generatedexternalmetrics.GetOpenAPIDefinitions(ref) {
			all[name] = definition
		}
		return all
	}
	namer := openapinamer.NewDefinitionNamer(apiserver.Scheme)
	o.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
	o.OpenAPIConfig.Info.Title = ServerName
	o.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
	o.OpenAPIV3Config.Info.Title = ServerName
	if err := o.ApplyTo(config); err != nil {
		return nil, explain(err)
	}
	server, err := (&apiserver.Config{GenericConfig: &config.Config}).Complete(nil).New(ServerName, nil, p)
	if err != nil {
		return nil, err
	}
	if err := apimetrics.RegisterMetrics(legacyregistry.Register); err != nil {
		return nil, err
	}
	legacyregistry.RawMustRegister(c)
	return &Server{server: server}, nil
}

// explain adds what to do to the errors that a first start commonly meets.
func explain(err error) error {
	var address *net.OpError
	if errors.As(err, &address) {
		return fmt.Errorf("%w: choose another --secure-port or --bind-address", err)
	}
	return fmt.Errorf("%w: --cert-dir must be writable, or --tls-cert-file and --tls-private-key-file must name a certificate; "+
		"outside a cluster give --authentication-kubeconfig and --authorization-kubeconfig, or try --standalone", err)
}

// Run serves until the context ends, and then finishes the requests in flight.
func (s *Server) Run(ctx context.Context) error {
	return s.server.GenericAPIServer.PrepareRun().RunWithContext(ctx)
}
