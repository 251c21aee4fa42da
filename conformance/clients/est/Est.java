// BouncyCastle's EST client: fetch, enrol by password, and link to TLS 1.2 by tls-unique.

import java.io.FileInputStream;
import java.io.InputStream;
import java.net.Socket;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.Collections;
import java.util.Set;
import javax.net.ssl.SSLSocketFactory;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.est.ESTAuth;
import org.bouncycastle.est.ESTService;
import org.bouncycastle.est.EnrollmentResponse;
import org.bouncycastle.est.jcajce.ChannelBindingProvider;
import org.bouncycastle.est.jcajce.JcaHttpAuthBuilder;
import org.bouncycastle.est.jcajce.JcaJceUtils;
import org.bouncycastle.est.jcajce.JsseESTServiceBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.jsse.BCSSLConnection;
import org.bouncycastle.jsse.BCSSLSocket;
import org.bouncycastle.jsse.provider.BouncyCastleJsseProvider;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequestBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;

public class Est {
    static KeyPair pair() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
        generator.initialize(256);
        return generator.generateKeyPair();
    }

    static PKCS10CertificationRequestBuilder request(KeyPair pair) {
        return new JcaPKCS10CertificationRequestBuilder(new X500Name("CN=gw.example"), pair.getPublic());
    }

    static ContentSigner signer(KeyPair pair) throws Exception {
        return new JcaContentSignerBuilder("SHA256withECDSA").build(pair.getPrivate());
    }

    static class Binding implements ChannelBindingProvider {
        public boolean canAccessChannelBinding(Socket socket) {
            return socket instanceof BCSSLSocket;
        }

        public byte[] getChannelBinding(Socket socket, String name) {
            BCSSLConnection connection = ((BCSSLSocket) socket).getConnection();
            return connection == null ? null : connection.getChannelBinding(name);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        Security.addProvider(new BouncyCastleJsseProvider());
        X509Certificate root;
        try (InputStream file = new FileInputStream(arguments[1])) {
            root = (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
        Set<TrustAnchor> anchors = Collections.singleton(new TrustAnchor(root, null));
        for (String tls : new String[] {"TLSv1.2", "TLSv1.3"}) {
            JsseESTServiceBuilder builder =
                new JsseESTServiceBuilder(arguments[0], JcaJceUtils.getCertPathTrustManager(anchors, null));
            builder.withHostNameAuthorizer((name, session) -> true);
            builder.withTLSVersion(tls);
            builder.withProvider("BCJSSE");
            builder.addCipherSuites(((SSLSocketFactory) SSLSocketFactory.getDefault()).getDefaultCipherSuites());
            builder.withChannelBindingProvider(new Binding());
            ESTService est = builder.build();
            System.out.println(tls + " cacerts " + est.getCACerts().getCertificateStore().getMatches(null).size());
            System.out.println(tls + " csrattrs " + est.getCSRAttributes().hasAttributesResponse());
            ESTAuth auth = new JcaHttpAuthBuilder("gw.example", "correct horse".toCharArray()).setProvider("BC").build();
            KeyPair pair = pair();
            EnrollmentResponse enrolled = est.simpleEnroll(false, request(pair).build(signer(pair)), auth);
            System.out.println(tls + " enrolled " + enrolled.getStore().getMatches(null).size());
            if (tls.equals("TLSv1.2")) {
                KeyPair linked = pair();
                EnrollmentResponse answer = est.simpleEnrollPoP(false, request(linked), signer(linked), auth);
                System.out.println(tls + " linked " + answer.getStore().getMatches(null).size());
            }
        }
    }
}
