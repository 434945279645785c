// SPDX-License-Identifier: GPL-2.0

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServlet;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import org.apache.catalina.Context;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.startup.Tomcat;

/**
 * Tomcat with one servlet and a pool of 200 threads: GET is the file, POST
 * answers with the body's sum. Arguments: address, port, an empty directory.
 */
public class TomcatServer extends HttpServlet {
	@Override
	protected void doGet(HttpServletRequest request,
			     HttpServletResponse response) throws IOException {
		Path file = Path.of(System.getenv("CONTENT"));

		response.setContentLengthLong(Files.size(file));
		Files.copy(file, response.getOutputStream());
	}

	/* As long as the body has not come, it holds a thread of the pool. */
	@Override
	protected void doPost(HttpServletRequest request,
			      HttpServletResponse response)
			throws IOException, ServletException {
		MessageDigest sum;

		try {
			sum = MessageDigest.getInstance("SHA-256");
		} catch (NoSuchAlgorithmException e) {
			throw new ServletException(e);
		}
		new DigestInputStream(request.getInputStream(), sum)
			.transferTo(OutputStream.nullOutputStream());
		response.getWriter().print(
			HexFormat.of().formatHex(sum.digest()));
	}

	private static Connector connector(String address, String port) {
		Connector connector = new Connector();

		connector.setProperty("address", address);
		connector.setPort(Integer.parseInt(port));
		connector.setProperty("maxThreads", "200");
		/* Of reading, in milliseconds: nothing is late in a guest. */
		connector.setProperty("connectionTimeout", "900000");
		return connector;
	}

	public static void main(String[] args) throws Exception {
		Tomcat tomcat = new Tomcat();
		Context context;

		tomcat.setBaseDir(args[2]);
		tomcat.setConnector(connector(args[0], args[1]));
		context = tomcat.addContext("", args[2]);
		Tomcat.addServlet(context, "file", new TomcatServer())
			.addMapping("/");
		tomcat.start();
		tomcat.getServer().await();
	}
}
