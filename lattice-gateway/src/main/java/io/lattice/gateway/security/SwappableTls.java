package io.lattice.gateway.security;

import java.io.IOException;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedKeyManager;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/// Key and trust managers whose contents can be replaced while in use, for a TLS context that can't be. Every handshake
/// uses what was set last; what is established stays. Thread-safe.
public final class SwappableTls implements TlsReloader.Use {
    private volatile Current current;

    /// What one swap has set.
    ///
    /// @param number of the swap; part of the key's alias, so that a handshake that chose its alias before a swap still gets
    ///     key and certificate of the same pair
    /// @param keysBefore of the swap before
    private record Current(
            long number,
            X509ExtendedKeyManager keys,
            X509ExtendedTrustManager trust,
            X509ExtendedKeyManager keysBefore) {}

    /// Begins with some material.
    ///
    /// @throws IOException if the platform refuses the material
    public SwappableTls(TlsMaterial material) throws IOException {
        X509ExtendedKeyManager keys = keys(material, 0);
        this.current = new Current(0, keys, trust(material), keys);
    }

    @Override
    public synchronized void swap(TlsMaterial material) throws IOException {
        Current before = current;
        long number = before.number() + 1;
        current = new Current(number, keys(material, number), trust(material), before.keys());
    }

    /// How often the contents have been replaced. What else was made of them is out of date once this changes.
    public long swaps() {
        return current.number();
    }

    /// Answers with the current key and chain.
    public X509ExtendedKeyManager keyManager() {
        return new Keys();
    }

    /// Checks against the current CA.
    public X509ExtendedTrustManager trustManager() {
        return new Trust();
    }

    private static X509ExtendedKeyManager keys(TlsMaterial material, long number)
            throws IOException {
        try {
            char[] password = new char[0];
            KeyStore keys = KeyStore.getInstance("PKCS12");
            keys.load(null, password);
            keys.setKeyEntry(
                    "node-" + number,
                    material.key(),
                    password,
                    material.chain().toArray(X509Certificate[]::new));
            KeyManagerFactory factory =
                    KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            factory.init(keys, password);
            if (factory.getKeyManagers()[0] instanceof X509ExtendedKeyManager manager) {
                return manager;
            }
            throw new IOException("this Java runtime has no X.509 key manager");
        } catch (GeneralSecurityException e) {
            throw new IOException("certificate and key can't be used", e);
        }
    }

    private static X509ExtendedTrustManager trust(TlsMaterial material) throws IOException {
        try {
            KeyStore trusted = KeyStore.getInstance("PKCS12");
            trusted.load(null, new char[0]);
            int i = 0;
            for (X509Certificate ca : material.ca()) {
                trusted.setCertificateEntry("ca-" + i++, ca);
            }
            TrustManagerFactory factory =
                    TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            factory.init(trusted);
            if (factory.getTrustManagers()[0] instanceof X509ExtendedTrustManager manager) {
                return manager;
            }
            throw new IOException("this Java runtime has no X.509 trust manager");
        } catch (GeneralSecurityException e) {
            throw new IOException("the CA can't be used", e);
        }
    }

    private final class Keys extends X509ExtendedKeyManager {
        @Override
        public String @Nullable [] getClientAliases(
                String keyType, Principal @Nullable [] issuers) {
            return current.keys().getClientAliases(keyType, issuers);
        }

        @Override
        public @Nullable String chooseClientAlias(
                String[] keyTypes, Principal @Nullable [] issuers, @Nullable Socket socket) {
            return current.keys().chooseClientAlias(keyTypes, issuers, socket);
        }

        @Override
        public @Nullable String chooseEngineClientAlias(
                String[] keyTypes, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
            return current.keys().chooseEngineClientAlias(keyTypes, issuers, engine);
        }

        @Override
        public String @Nullable [] getServerAliases(
                String keyType, Principal @Nullable [] issuers) {
            return current.keys().getServerAliases(keyType, issuers);
        }

        @Override
        public @Nullable String chooseServerAlias(
                String keyType, Principal @Nullable [] issuers, @Nullable Socket socket) {
            return current.keys().chooseServerAlias(keyType, issuers, socket);
        }

        @Override
        public @Nullable String chooseEngineServerAlias(
                String keyType, Principal @Nullable [] issuers, @Nullable SSLEngine engine) {
            return current.keys().chooseEngineServerAlias(keyType, issuers, engine);
        }

        @Override
        public X509Certificate @Nullable [] getCertificateChain(String alias) {
            Current now = current;
            X509Certificate[] chain = now.keys().getCertificateChain(alias);
            return chain != null ? chain : now.keysBefore().getCertificateChain(alias);
        }

        @Override
        public @Nullable PrivateKey getPrivateKey(String alias) {
            Current now = current;
            PrivateKey key = now.keys().getPrivateKey(alias);
            return key != null ? key : now.keysBefore().getPrivateKey(alias);
        }
    }

    private final class Trust extends X509ExtendedTrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            current.trust().checkClientTrusted(chain, authType, socket);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            current.trust().checkClientTrusted(chain, authType, engine);
        }

        @Override
        public void checkClientTrusted(X509Certificate[] chain, String authType)
                throws CertificateException {
            current.trust().checkClientTrusted(chain, authType);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
                throws CertificateException {
            current.trust().checkServerTrusted(chain, authType, socket);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
                throws CertificateException {
            current.trust().checkServerTrusted(chain, authType, engine);
        }

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String authType)
                throws CertificateException {
            current.trust().checkServerTrusted(chain, authType);
        }

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return current.trust().getAcceptedIssuers();
        }
    }
}
