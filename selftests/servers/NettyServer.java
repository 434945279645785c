// SPDX-License-Identifier: GPL-2.0

import java.io.File;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.HexFormat;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBufInputStream;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.DefaultFileRegion;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpServerKeepAliveHandler;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.CharsetUtil;

/**
 * Netty with one boss and four workers: GET is the file, POST answers with the
 * body's sum. Arguments: address, port.
 */
@ChannelHandler.Sharable
public class NettyServer extends SimpleChannelInboundHandler<FullHttpRequest> {
	private static final int MAX_BODY = 1 << 24;

	@Override
	protected void channelRead0(ChannelHandlerContext context,
				    FullHttpRequest request) throws Exception {
		if (request.method().equals(HttpMethod.POST))
			answerSum(context, request);
		else
			answerFile(context);
	}

	private static void answerSum(ChannelHandlerContext context,
				      FullHttpRequest request)
			throws Exception {
		MessageDigest sum = MessageDigest.getInstance("SHA-256");
		InputStream body = new ByteBufInputStream(request.content());
		DefaultFullHttpResponse response;

		new DigestInputStream(body, sum)
			.transferTo(OutputStream.nullOutputStream());
		response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1,
			HttpResponseStatus.OK, Unpooled.copiedBuffer(
				HexFormat.of().formatHex(sum.digest()),
				CharsetUtil.US_ASCII));
		HttpUtil.setContentLength(response,
					  response.content().readableBytes());
		context.writeAndFlush(response);
	}

	/* A file region goes out by sendfile(2). */
	private static void answerFile(ChannelHandlerContext context) {
		File file = new File(System.getenv("CONTENT"));
		HttpResponse response = new DefaultHttpResponse(
			HttpVersion.HTTP_1_1, HttpResponseStatus.OK);

		HttpUtil.setContentLength(response, file.length());
		context.write(response);
		context.write(new DefaultFileRegion(file, 0, file.length()));
		context.writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT);
	}

	public static void main(String[] args) throws Exception {
		final NettyServer handler = new NettyServer();
		ServerBootstrap server = new ServerBootstrap();

		server.group(new NioEventLoopGroup(1), new NioEventLoopGroup(4));
		server.channel(NioServerSocketChannel.class);
		server.childHandler(new ChannelInitializer<SocketChannel>() {
			@Override
			protected void initChannel(SocketChannel channel) {
				channel.pipeline().addLast(
					new HttpServerCodec(),
					new HttpServerKeepAliveHandler(),
					new HttpObjectAggregator(MAX_BODY),
					handler);
			}
		});
		server.bind(args[0], Integer.parseInt(args[1])).sync()
			.channel().closeFuture().sync();
	}
}
