package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certificateLifetime is long against a test and short against a forgotten file.
const certificateLifetime = 24 * time.Hour

// Authority is a certificate authority that lives for one suite. Each trust relation of the cluster has its own, as in
// production: clients of the API server, the front proxy (aggregation layer), and the adapter's serving certificate.
type Authority struct {
	// Certificate is the authority's own certificate in PEM.
	Certificate []byte

	tb     testing.TB
	parent *x509.Certificate
	key    *ecdsa.PrivateKey
}

// KeyPair is a certificate and its private key in PEM.
type KeyPair struct{ Certificate, Key []byte }

// NewAuthority makes a self-signed authority.
func NewAuthority(tb testing.TB, commonName string) *Authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := template(tb, pkix.Name{CommonName: commonName})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(tb, err)
	parent, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return &Authority{Certificate: encode("CERTIFICATE", der), tb: tb, parent: parent, key: key}
}

// Client issues a certificate that names a user and its groups, in the way Kubernetes reads them.
func (a *Authority) Client(user string, groups ...string) KeyPair {
	a.tb.Helper()
	template := template(a.tb, pkix.Name{CommonName: user, Organization: groups})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.issue(template)
}

// Server issues a certificate for a server on 127.0.0.1 that is also known by the names given.
func (a *Authority) Server(names ...string) KeyPair {
	a.tb.Helper()
	template := template(a.tb, pkix.Name{CommonName: names[0]})
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.DNSNames = names
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	return a.issue(template)
}

func (a *Authority) issue(template *x509.Certificate) KeyPair {
	a.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.tb, err)
	der, err := x509.CreateCertificate(rand.Reader, template, a.parent, key.Public(), a.key)
	require.NoError(a.tb, err)
	keyDER, err := x509.MarshalECPrivateKey(key)
	require.NoError(a.tb, err)
	return KeyPair{Certificate: encode("CERTIFICATE", der), Key: encode("EC PRIVATE KEY", keyDER)}
}

func template(tb testing.TB, subject pkix.Name) *x509.Certificate {
	tb.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	require.NoError(tb, err)
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		// A minute of slack: a certificate must not be from the future for a process that started earlier.
		NotBefore: time.Now().Add(-time.Minute),
		NotAfter:  time.Now().Add(certificateLifetime),
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

// newTokenKey makes the RSA key pair with which the API server signs service account tokens.
func newTokenKey(tb testing.TB) (private, public []byte) {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(tb, err)
	publicDER, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(tb, err)
	return encode("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), encode("PUBLIC KEY", publicDER)
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
