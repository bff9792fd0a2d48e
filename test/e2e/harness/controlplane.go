package harness

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// HPASyncPeriod is the interval of the HorizontalPodAutoscaler controller in the suite, a third of the usual 15 s, to
// save time; no assertion depends on it.
const HPASyncPeriod = 5 * time.Second

// ControlPlane is a running etcd, kube-apiserver and kube-controller-manager.
type ControlPlane struct {
	// URL is the address of the API server, ClientCA the authority whose certificates it takes for users.
	URL      string
	ClientCA *Authority
	// Admin may do everything. What is under test never uses it.
	Admin   *rest.Config
	Client  kubernetes.Interface
	Dynamic dynamic.Interface

	env     *Environment
	servers *Authority
	mapper  meta.ResettableRESTMapper
}

// StartControlPlane starts the three programs and returns when the API server is ready.
func StartControlPlane(tb testing.TB, env *Environment) *ControlPlane {
	tb.Helper()
	ports := env.FreePorts(3)
	etcdURL, peerURL := loopback("http", ports[0]), loopback("http", ports[1])
	c := &ControlPlane{
		URL:      loopback("https", ports[2]),
		ClientCA: NewAuthority(tb, "prescale-e2e-clients"),
		env:      env,
		servers:  NewAuthority(tb, "prescale-e2e-servers"),
	}
	env.WriteFile("pki/servers-ca.crt", c.servers.Certificate)
	env.WriteFile("pki/clients-ca.crt", c.ClientCA.Certificate)
	private, public := newTokenKey(tb)
	env.WriteFile("pki/tokens.key", private)
	env.WriteFile("pki/tokens.pub", public)

	env.Start(tb, "etcd", env.tool("etcd"),
		"--data-dir="+env.Path("etcd"),
		"--listen-client-urls="+etcdURL, "--advertise-client-urls="+etcdURL,
		"--listen-peer-urls="+peerURL, "--initial-advertise-peer-urls="+peerURL,
		"--initial-cluster=default="+peerURL,
		// A test has nothing to lose in a power cut, and a slow disk would slow every write of the cluster.
		"--unsafe-no-fsync",
	)
	env.Start(tb, "kube-apiserver", env.tool("kube-apiserver"), c.serverFlags(tb, etcdURL, ports[2])...)

	c.Admin = c.clientConfig(c.ClientCA.Client("prescale-e2e-admin", "system:masters"))
	c.connect(tb)
	env.Eventually(tb, "kube-apiserver is ready", 90*time.Second, func() error {
		_, err := c.Client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(env.Context)
		return err
	})

	// Its own user and, below that, a service account per controller: the controllers have the rights they have anywhere.
	manager := c.clientConfig(c.ClientCA.Client("system:kube-controller-manager"))
	env.Start(tb, "kube-controller-manager", env.tool("kube-controller-manager"),
		"--kubeconfig="+c.WriteKubeconfig(tb, "kube-controller-manager", manager),
		"--use-service-account-credentials",
		"--service-account-private-key-file="+env.Path("pki/tokens.key"),
		"--root-ca-file="+env.Path("pki/servers-ca.crt"),
		"--authentication-skip-lookup",
		"--secure-port=0",
		"--leader-elect=false",
		"--horizontal-pod-autoscaler-sync-period="+HPASyncPeriod.String(),
	)
	return c
}

// serverFlags returns the flags of kube-apiserver and writes the files that they name.
func (c *ControlPlane) serverFlags(tb testing.TB, etcdURL string, port int) []string {
	tb.Helper()
	env := c.env
	serving := c.servers.Server("localhost", "kubernetes", "kubernetes.default.svc")
	env.WriteFile("pki/apiserver.crt", serving.Certificate)
	env.WriteFile("pki/apiserver.key", serving.Key)
	frontProxyCA := NewAuthority(tb, "prescale-e2e-front-proxy")
	env.WriteFile("pki/front-proxy-ca.crt", frontProxyCA.Certificate)
	frontProxy := frontProxyCA.Client("front-proxy-client")
	env.WriteFile("pki/front-proxy.crt", frontProxy.Certificate)
	env.WriteFile("pki/front-proxy.key", frontProxy.Key)

	return []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", port),
		// It would otherwise publish its address as an endpoint, and loopback addresses are refused there.
		"--endpoint-reconciler-type=none",
		"--cert-dir=" + env.Path("apiserver"),
		"--tls-cert-file=" + env.Path("pki/apiserver.crt"),
		"--tls-private-key-file=" + env.Path("pki/apiserver.key"),
		"--client-ca-file=" + env.Path("pki/clients-ca.crt"),
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + env.Path("pki/tokens.pub"),
		"--service-account-signing-key-file=" + env.Path("pki/tokens.key"),
		// The aggregation layer: the API server forwards a request under this certificate and names the user in headers.
		"--requestheader-client-ca-file=" + env.Path("pki/front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + env.Path("pki/front-proxy.crt"),
		"--proxy-client-key-file=" + env.Path("pki/front-proxy.key"),
	}
}

func (c *ControlPlane) clientConfig(user KeyPair) *rest.Config {
	config := c.anonymousConfig()
	config.CertData, config.KeyData = user.Certificate, user.Key
	return config
}

// TokenConfig returns a client configuration that authenticates with a bearer token and nothing else.
func (c *ControlPlane) TokenConfig(token string) *rest.Config {
	config := c.anonymousConfig()
	config.BearerToken = token
	return config
}

func (c *ControlPlane) anonymousConfig() *rest.Config {
	return &rest.Config{
		Host:            c.URL,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.servers.Certificate},
		// A test that polls must not wait for the client's own rate limit.
		QPS: -1,
	}
}

func (c *ControlPlane) connect(tb testing.TB) {
	tb.Helper()
	var err error
	c.Client, err = kubernetes.NewForConfig(c.Admin)
	require.NoError(tb, err)
	c.Dynamic, err = dynamic.NewForConfig(c.Admin)
	require.NoError(tb, err)
	resources, err := discovery.NewDiscoveryClientForConfig(c.Admin)
	require.NoError(tb, err)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(resources))
}

// WriteKubeconfig writes a configuration as the file that programs take by --kubeconfig and returns its path.
func (c *ControlPlane) WriteKubeconfig(tb testing.TB, name string, config *rest.Config) string {
	tb.Helper()
	kubeconfig := clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{
			"e2e": {Server: config.Host, CertificateAuthorityData: config.CAData},
		},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{
			name: {ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken},
		},
		Contexts:       map[string]*clientcmdapi.Context{"e2e": {Cluster: "e2e", AuthInfo: name}},
		CurrentContext: "e2e",
	}
	path := c.env.Path("kubeconfig", name+".yaml")
	require.NoError(tb, os.MkdirAll(c.env.Path("kubeconfig"), 0o700))
	require.NoError(tb, clientcmd.WriteToFile(kubeconfig, path))
	return path
}

func loopback(scheme string, port int) string { return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port) }
