package io.lattice.cp.client;

import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;

/// Who this client is towards https endpoints, and whom it trusts. The managers are asked at each handshake, so what they hold
/// may change.
public record ClientTls(X509ExtendedKeyManager keys, X509ExtendedTrustManager trust) {}
